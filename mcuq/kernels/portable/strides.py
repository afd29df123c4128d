"""Distances between elements, and loops over as few axes as possible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from mcuq.ir.types import Shape
from mcuq.kernels.fields import Fields

# Of kernels that walk over a tensor axis by axis.
MOST_LOOPS = 4


def row_major_strides(shape: Shape) -> tuple[int, ...]:
    """Elements between neighbours along each axis.

    >>> row_major_strides((2, 3, 4))
    (12, 4, 1)
    """
    products = itertools.accumulate(reversed(shape[1:]), lambda a, b: a * b, initial=1)
    return tuple(reversed(list(products)))[: len(shape)] if shape else ()


def broadcast_strides(shape: Shape, output: Shape) -> tuple[int, ...]:
    """An operand's strides along the output's axes, 0 where it is repeated.

    >>> broadcast_strides((4, 1), (2, 4, 3))
    (0, 1, 0)
    """
    aligned = (1,) * (len(output) - len(shape)) + shape
    strides = row_major_strides(aligned)
    return tuple(0 if size == 1 else stride for size, stride in zip(aligned, strides, strict=True))


def merge_axes(sizes: Shape, strides: Sequence[tuple[int, ...]]) -> tuple[Shape, tuple[tuple[int, ...], ...]]:
    """The same walk with axes of 1 dropped and axes joined that all operands step through alike.

    >>> merge_axes((1, 8, 8, 16), [(1024, 128, 16, 1), (0, 0, 0, 1)])
    ((64, 16), ((16, 1), (0, 1)))
    """
    axes: list[tuple[int, tuple[int, ...]]] = []
    for size, *steps in zip(sizes, *strides, strict=True):
        step = tuple(steps)
        if size == 1:
            continue
        if axes and axes[-1][1] == tuple(s * size for s in step):
            axes[-1] = (axes[-1][0] * size, step)
        else:
            axes.append((size, step))
    axes = axes or [(1, (0,) * len(strides))]
    return tuple(size for size, _ in axes), tuple(zip(*(step for _, step in axes), strict=True))


def broadcast_loops(inputs: Sequence[Shape], output: Shape) -> int:
    """Loops over an output whose operands are repeated along axes.

    >>> broadcast_loops([(2, 3, 4), (4,)], (2, 3, 4))
    2
    """
    return len(merge_axes(output, [broadcast_strides(shape, output) for shape in inputs])[0])


def loops_refusal(loops: int, most: int = MOST_LOOPS, what: str = "loops") -> str | None:
    """Why a kernel with loops over so many axes does not walk these, or None.

    >>> loops_refusal(5)
    'it needs 5 loops, the kernel has 4'
    """
    return f"it needs {loops} {what}, the kernel has {most}" if loops > most else None


def broadcast_refusal(inputs: Sequence[Shape], output: Shape) -> str | None:
    """Why a kernel that repeats operands along axes does not take these shapes, or None."""
    return loops_refusal(broadcast_loops(inputs, output))


def broadcast_fields(names: Sequence[str], inputs: Sequence[Shape], output: Shape) -> Fields:
    """Sizes of up to four loops over an output, and strides by operand, 0 where it is repeated."""
    sizes, strides = merge_axes(output, [broadcast_strides(shape, output) for shape in inputs])
    missing = MOST_LOOPS - len(sizes)
    columns = [("size", (1,) * missing + sizes)]
    columns += [(f"{n}_stride", (0,) * missing + each) for n, each in zip(names, strides, strict=True)]
    return tuple((f"{name}_{axis}", value) for name, values in columns for axis, value in enumerate(values))
