"""What kernels of weighted layers share whose input or output is int16."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, freeze
from mcuq.kernels.fields import Fields
from mcuq.kernels.portable.weighted import channel_arrays, code_fields
from mcuq.ops.accumulator import Accumulator, short_multipliers
from mcuq.ops.weighted import WeightedParams


class WideToWide:
    """From int16 to int16."""

    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType | None] = DType.INT16


class WideToNarrow:
    """From int16 to int8."""

    takes: ClassVar[tuple[DType, ...]] = (DType.INT16,)
    gives: ClassVar[DType | None] = DType.INT8


class NarrowToWide:
    """From int8 to int16."""

    takes: ClassVar[tuple[DType, ...]] = (DType.INT8,)
    gives: ClassVar[DType | None] = DType.INT16


def mixed_call(call: KernelCall, params: WeightedParams) -> KernelCall:
    """The call of a kernel of int8 codes as one of codes of int16: how sums are kept, and what that takes.

    Args:
        call: fields that end with `code_fields`, arrays that begin with the weights.
        params: of the layer.
    """
    fields = call.fields[: -len(code_fields(params))]
    arrays = (call.arrays[0], *mixed_arrays(params))
    return dataclasses.replace(call, fields=(*fields, *mixed_fields(params)), arrays=arrays)


def mixed_fields(params: WeightedParams) -> Fields:
    """Zero points, limits, and whether sums need int64."""
    return (*code_fields(params), ("is_long", int(params.accumulator is Accumulator.INT64)))


def mixed_arrays(params: WeightedParams) -> tuple[CArray, ...]:
    """What a kernel reads per channel; multipliers of long sums have 15 bits."""
    bias, multiplier, shift = channel_arrays(params)
    if params.accumulator is Accumulator.INT64:
        short = freeze(short_multipliers(params.requant).astype(np.int32))
        multiplier = CArray("multiplier", short, "multipliers of 15 bits")
    return bias, multiplier, shift
