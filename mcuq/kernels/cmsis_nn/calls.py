"""What calls of CMSIS-NN share: its structs as fields, its buffers, and what it computes as we do."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, TypeVar

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.program import StepOp
from mcuq.ir.types import Shape, freeze
from mcuq.kernels.fields import Fields
from mcuq.kernels.variant import StepShapes, Variant
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

S = TypeVar("S", bound=StepOp)

# Several of its functions count in 16 bits.
MOST_COUNTED = 32_767
# A right shift of 31 is an overflow in the library's C.
MAX_RIGHT_SHIFT = 30
# Its single rounding keeps the result of a requantization in 31 bits.
MAX_SINGLE = 1 << 30


class LibraryCall(Variant[S]):
    """A step as a call of CMSIS-NN."""

    def library_call(self, fields: Fields, arrays: tuple[CArray, ...], scratch_bytes: int = 0) -> KernelCall:
        """The call, which returns a status and takes work memory, if only none.

        Args:
            fields: of the parameter struct.
            arrays: it points to.
            scratch_bytes: what the library asks for, on the core and on the host.
        """
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=scratch_bytes, is_library_call=True)


class OnHelium(LibraryCall[S]):
    """Of a core with vector instructions, for which the library is another program."""

    needs: ClassVar[tuple[str, ...]] = ("mve",)


class WithoutHelium(LibraryCall[S]):
    """Of all other cores."""

    lacks: ClassVar[tuple[str, ...]] = ("mve",)


class WithDsp(WithoutHelium[S]):
    """Of those with DSP instructions."""

    needs: ClassVar[tuple[str, ...]] = ("dsp",)


class PlainC(LibraryCall[S]):
    """Of cores for which the library is plain C, and of the host."""

    lacks: ClassVar[tuple[str, ...]] = ("dsp", "mve")


def dims(name: str, n: int, h: int, w: int, c: int) -> Fields:
    """A member of type `cmsis_nn_dims`."""
    return ((f"{name}.n", n), (f"{name}.h", h), (f"{name}.w", w), (f"{name}.c", c))


def image_dims(x: Shape, y: Shape) -> Fields:
    """The members `x` and `y` of images `[n, h, w, c]`."""
    return (*dims("x", *x), *dims("y", *y))


def as_called(window: Window) -> Window:
    """The window without dilation along an axis of one tap, where it means nothing."""
    dilations = tuple(1 if taps == 1 else d for taps, d in zip(window.kernel, window.dilations, strict=True))
    return dataclasses.replace(window, dilations=(dilations[0], dilations[1]))


def size_refusal(shapes: StepShapes) -> str | None:
    """Why the library cannot count a step's pixels or channels, or None."""
    most = max(max(shape[1:]) for shape in (*shapes.inputs, *shapes.outputs))
    return f"the library counts to {MOST_COUNTED}, found {most}" if most > MOST_COUNTED else None


def window_tiles(member: str, window: Window, *, has_dilation: bool) -> Fields:
    """Strides, the borders before the image and, where the struct has them, dilations."""
    tiles = [("stride", window.strides), ("padding", window.pads[:2])]
    if has_dilation:
        tiles.append(("dilation", window.dilations))
    return tuple(
        (f"{member}.{tile}.{axis}", value)
        for tile, values in tiles
        for axis, value in zip("hw", values, strict=True)
    )


def activation(member: str, lo: int, hi: int) -> Fields:
    """The limits of a step's codes."""
    return ((f"{member}.activation.min", lo), (f"{member}.activation.max", hi))


def offset_fields(member: str, params: WeightedParams) -> Fields:
    """Offsets with the library's signs, and limits."""
    return (
        (f"{member}.input_offset", -params.x_zero_point),
        (f"{member}.output_offset", params.y_zero_point),
        *activation(member, params.lo, params.hi),
    )


def scale_arrays(requant: Requant) -> tuple[CArray, ...]:
    """Multipliers and shifts of channels, both of 32 bits."""
    return (
        CArray("multiplier", freeze(np.array(requant.multiplier, np.int32)), "multipliers"),
        CArray("shift", freeze(np.array(requant.shift, np.int32)), "shifts, positive is left"),
    )


def scale_refusal(requant: Requant, largest: int) -> str | None:
    """Why the library's requantization is not ours for all sums, or None.

    Args:
        requant: scales, with their contract.
        largest: the largest magnitude that is requantized.
    """
    if min(requant.shift) < -MAX_RIGHT_SHIFT:
        return f"a shift of {min(requant.shift)} is beyond the library's {-MAX_RIGHT_SHIFT}"
    if requant.rounding is Rounding.DOUBLE:
        return None
    if largest << (requant.max_left_shift + 1) > INT32_MAX or any(
        largest * multiplier >> (31 - shift) >= MAX_SINGLE
        for multiplier, shift in zip(requant.multiplier, requant.shift, strict=True)
    ):
        return "its single rounding could overflow for sums that ours holds"
    return None


def sum_refusal(params: WeightedParams) -> str | None:
    """The same for the sums of a weighted layer: no input code gives a larger one."""
    w = params.weights.reshape(len(params.weights), -1).astype(np.int64)
    reach = max(127 - params.x_zero_point, 128 + params.x_zero_point)
    largest = int((np.abs(w).sum(axis=1) * reach + np.abs(params.bias.astype(np.int64))).max())
    return scale_refusal(params.requant, largest)
