"""Which kernels say that their output may lie over their input, and examples in which that has a limit."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from mcuq.ir.integer import Rounding
from mcuq.ir.plan import KernelWalk
from mcuq.ir.types import elem_count
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.kernels.variant import StepShapes
from mcuq.memory.overlap import overlap
from tests.kernels.special import accepted, makers
from tests.ops.examples import all_examples
from tests.ops.randoms import Example


@functools.cache
def kernels_with_walks() -> Mapping[str, Sequence[Example]]:
    """Examples by kernel."""
    found: dict[str, list[Example]] = {}
    for variant in (variant for isa in instruction_sets() for variant in isa_variants(isa)):
        drawn = all_examples(variant.step_op.kind, 20, Rounding.DOUBLE, 1)
        drawn += accepted(variant.kernel, 12) if variant.kernel in makers() else []
        for example in drawn:
            one = variant(example.op, StepShapes.of(example.op, example.shapes, example.types))
            if one.refusal() is None and _has_limit(one.call().walks, example):
                found.setdefault(variant.kernel, []).append(example)
    return found


def _has_limit(walks: Sequence[KernelWalk], example: Example) -> bool:
    sizes = [elem_count(example.shapes[walk.input]) * example.types[walk.input].itemsize for walk in walks]
    return any(overlap(walk, size).least > -size for walk, size in zip(walks, sizes, strict=True))
