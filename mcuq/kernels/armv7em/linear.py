"""Fully connected layers for DSP cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import Array, DType, Int8, elem_count, freeze
from mcuq.kernels.armv7em.mixed_linear import MixedLinear, QuadMixedLinear
from mcuq.kernels.armv7em.paired import pack_paired, paired_channels
from mcuq.kernels.armv7em.quads import pack_quads, quads_refusal
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.armv7em.weighted import (
    PER_CHANNEL,
    channel_arrays,
    channels_refusal,
    clamp_fields,
    contract_refusal,
    exact_channels,
)
from mcuq.kernels.fields import Fields, limit_fields, round_up
from mcuq.kernels.portable.mixed import NarrowToWide, WideToNarrow, WideToWide
from mcuq.kernels.terms import limited
from mcuq.kernels.variant import Terms, Variant, VariantType
from mcuq.kernels.walks import row_walk
from mcuq.ops.linear import LinearStep


class PairedLinear(Variant[LinearStep]):
    """Fully connected, 8 outputs at a time share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_paired"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Enough products, and two roundings."""
        return small_refusal(*self.op.params.weights.shape) or contract_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Eights of channels, then fours; the input's length filled up to a multiple of 4."""
        channels = paired_channels(self.op.params)
        m, k = self.op.params.weights.shape
        wide = round_up(k, 4)
        fields: Fields = (
            ("rows", elem_count(self.shapes.inputs[0][:-1])),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *limit_fields(self.op.params),
            ("last", channels.last(m // 8 * 2)),
            ("has_odd", channels.has_odd),
        )
        packed = np.concatenate([pack_paired(channels.weights[part], size) for part, size in self._blocks()])
        arrays = channels.arrays(packed, f"weights {[m, k]}, two channels in a halfword")
        walks = row_walk(elem_count(self.shapes.inputs[0][:-1]), k, m)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide, walks=walks)

    def _blocks(self) -> list[tuple[slice, int]]:
        """Channels as they are packed, and of how many a block is: eights, and fours that are left over.

        Whole fours up to the next odd ones make eights.
        """
        m, odd = len(self.op.params.weights), paired_channels(self.op.params).odd
        found: list[tuple[slice, int]] = []
        first = 0
        while first < m:
            run = next((at for at in range(first // 4, m // 4) if odd[at]), m // 4) - first // 4
            count = max(4, run // 2 * 8)
            found.append((slice(first, first + count), 8 if run > 1 else 4))
            first += count
        return found

    def terms(self) -> Terms:
        """Eight outputs at a time, then four; the input is expanded once per row."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        channels, wide = paired_channels(self.op.params), round_up(k, 4)
        eights = sum((part.stop - part.start) // 8 for part, size in self._blocks() if size == 8)
        rest = -(-m // 4) - 2 * eights
        return {
            "eight_codes": rows * eights * wide,
            "eights": rows * eights,
            "four_codes": rows * rest * wide,
            "fours": rows * rest,
            "long_fours": rows * channels.long,
            "odd_parts": rows * sum(channels.odd),
            "input_codes": rows * wide,
            "rows": rows,
            "limited": limited(self.op.params, rows * m),
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for a row."""
        return dict.fromkeys(("weights", "channels"), elem_count(self.shapes.inputs[0][:-1]))


class QuadLinear(Variant[LinearStep]):
    """Fully connected, weights of four bits: 8 outputs at a time share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_w4_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)

    def refuse(self) -> str | None:
        """Two roundings, sums at once."""
        return contract_refusal(self.op.params) or quads_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Eights of channels; the input's length filled up to a multiple of 4."""
        channels = paired_channels(self.op.params)
        m, k = self.op.params.weights.shape
        rows, wide = elem_count(self.shapes.inputs[0][:-1]), round_up(k, 4)
        fields: Fields = (
            ("rows", rows),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *limit_fields(self.op.params),
        )
        packed = pack_quads(channels.weights, 8)
        weights, words = channels.arrays(packed, f"weights {[m, k]}, four channels in a halfword")
        # Four channels of zeros, of the short form, where the last eight are four.
        filler = [8] + 8 * [0] if 0 < m % 8 <= 4 else []
        words = CArray(words.field, freeze(np.append(words.values, filler), "int32"), words.comment)
        walks = row_walk(rows, k, m)
        return KernelCall(self.kernel, fields, (weights, words), scratch_bytes=2 * wide, walks=walks)

    def terms(self) -> Terms:
        """Eight outputs at a time; the input is expanded and added up once per row."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        channels, wide, eights = paired_channels(self.op.params), round_up(k, 4), -(-m // 8)
        return {
            "eight_codes": rows * eights * wide,
            "eights": rows * eights,
            "long_fours": rows * (channels.long + sum(channels.odd)),
            "input_codes": rows * wide,
            "rows": rows,
            "limited": limited(self.op.params, rows * m),
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for a row."""
        return dict.fromkeys(("weights", "channels"), elem_count(self.shapes.inputs[0][:-1]))


class DspLinear(Variant[LinearStep]):
    """Fully connected, four outputs share the expanded input."""

    kernel: ClassVar[str] = "mcuq_linear_s8_dsp"
    needs: ClassVar[tuple[str, ...]] = NEEDS

    def refuse(self) -> str | None:
        """Enough products, and the shortcut's conditions."""
        return small_refusal(*self.op.params.weights.shape) or channels_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Four channels interleaved, the input's length filled up to a multiple of 8."""
        channels = exact_channels(self.op.params)
        m, k = self.op.params.weights.shape
        wide = round_up(k, 8)
        fields: Fields = (
            ("rows", elem_count(self.shapes.inputs[0][:-1])),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *clamp_fields(self.op.params),
        )
        arrays = channel_arrays(
            channels, pack_fours(channels.weights), f"weights {[m, k]}, four channels interleaved"
        )
        walks = row_walk(elem_count(self.shapes.inputs[0][:-1]), k, m)
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide, walks=walks)

    def terms(self) -> Terms:
        """Four outputs at a time; the input is expanded once per row."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        wide, fours = round_up(k, 8), -(-m // 4)
        return {
            "four_codes": rows * fours * wide,
            "fours": rows * fours,
            "input_codes": rows * wide,
            "rows": rows,
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for a row."""
        return dict.fromkeys(PER_CHANNEL, elem_count(self.shapes.inputs[0][:-1]))


def pack_fours(weights: Int8) -> Int8:
    """`[M, K]` as `[M / 4, K / 4, 16]`: a0 b0 a2 b2, c0 d0 c2 d2, a1 b1 a3 b3, c1 d1 c3 d3."""
    m, k = weights.shape
    wide: Array = np.zeros((round_up(m, 4), round_up(k, 8)), np.int8)
    wide[:m, :k] = weights
    split = wide.reshape(len(wide) // 4, 2, 2, -1, 2, 2)  # group, pair, channel, four, j, half
    return np.ascontiguousarray(split.transpose(0, 3, 5, 1, 4, 2))


def small_refusal(m: int, k: int) -> str | None:
    """Why a plain loop is faster, or None: preparing the input costs more than few products save.

    Args:
        m: outputs.
        k: inputs.

    Source: cycles of both on the Cortex-M4 model, as sums of what they spend per call, input and output.
    """
    plain = 60 + m * (45 + 9 * k)
    prepared = 300 + 2 * k + -(-m // 4) * (80 + 5 * k)
    if plain < prepared:
        return f"{m} outputs of {k} inputs are too few: about {prepared} cycles, a plain loop takes {plain}"
    return None


class WideQuadLinear(WideToWide, QuadMixedLinear):
    """From int16 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s16_w4_dsp"


class NarrowingQuadLinear(WideToNarrow, QuadMixedLinear):
    """From int16 to int8, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s16_s8_w4_dsp"


class WideningQuadLinear(NarrowToWide, QuadMixedLinear):
    """From int8 to int16, weights of four bits."""

    kernel: ClassVar[str] = "mcuq_linear_s8_s16_w4_dsp"


class WideDspLinear(WideToWide, MixedLinear):
    """From int16 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s16_dsp"


class NarrowingDspLinear(WideToNarrow, MixedLinear):
    """From int16 to int8."""

    kernel: ClassVar[str] = "mcuq_linear_s16_s8_dsp"


class WideningDspLinear(NarrowToWide, MixedLinear):
    """From int8 to int16."""

    kernel: ClassVar[str] = "mcuq_linear_s8_s16_dsp"


VARIANTS: tuple[VariantType, ...] = (
    PairedLinear,
    QuadLinear,
    DspLinear,
    WideQuadLinear,
    NarrowingQuadLinear,
    WideningQuadLinear,
    WideDspLinear,
    NarrowingDspLinear,
    WideningDspLinear,
)
