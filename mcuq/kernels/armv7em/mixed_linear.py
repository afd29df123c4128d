"""Fully connected layers whose input or output is int16, for DSP cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.types import DType, Int8, elem_count, freeze
from mcuq.kernels.armv7em.mixed import (
    channel_words,
    doubled_bias,
    fast_runs,
    long_refusal,
    pack_two,
)
from mcuq.kernels.armv7em.quads import pack_signed_quads
from mcuq.kernels.armv7em.requantize import NEEDS
from mcuq.kernels.fields import Fields, round_up
from mcuq.kernels.portable.weighted import code_fields
from mcuq.kernels.variant import Terms, Variant
from mcuq.kernels.walks import row_walk, sized
from mcuq.ops.linear import LinearStep

_MOST_INPUTS = 2**16 - 1


class MixedLinear(Variant[LinearStep]):
    """Four outputs at a time.

    Attributes:
        how: the weights are packed.
    """

    needs: ClassVar[tuple[str, ...]] = NEEDS
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8, DType.INT4)
    how: ClassVar[str] = "two channels in a halfword"

    def refuse(self) -> str | None:
        """Sums in 32 bits, of inputs that add up in as many."""
        inputs = self.op.params.weights.shape[1]
        if inputs > _MOST_INPUTS:
            return f"rows have {inputs} codes, the kernel adds up {_MOST_INPUTS}"
        return long_refusal(self.op.params)

    def call(self) -> KernelCall:
        """Weights of four channels interleaved, rows filled up to a multiple of 4."""
        params = self.op.params
        m, k = params.weights.shape
        wide, rows = round_up(k, 4), elem_count(self.shapes.inputs[0][:-1])
        fields: Fields = (
            ("rows", rows),
            ("in_c", k),
            ("wide_c", wide),
            ("out_c", m),
            *code_fields(params),
        )
        packed = CArray("weights", freeze(self._pack(params.weights)), f"weights {[m, k]}, {self.how}")
        walks = sized(row_walk(rows, k, m), self.shapes)
        arrays = (packed, doubled_bias(channel_words(params, 4)), fast_runs(params, 4))
        return KernelCall(self.kernel, fields, arrays, scratch_bytes=2 * wide, walks=walks)

    def _pack(self, weights: Int8) -> Int8:
        """The lower byte of a halfword has no sign. Two words of two channels each follow each other."""
        m, k = weights.shape
        whole: Int8 = np.zeros((round_up(m, 4), round_up(k, 4)), np.int8)
        whole[:m, :k] = weights
        pairs = pack_two(whole) ^ np.array([-128, 0], np.int8)
        return pairs.reshape(-1, 2, whole.shape[1] // 2, 4).transpose(0, 2, 1, 3).reshape(-1)

    def terms(self) -> Terms:
        """Outputs by fours."""
        rows = elem_count(self.shapes.inputs[0][:-1])
        m, k = self.op.params.weights.shape
        fours = rows * -(-m // 4)
        return {
            "four_codes": fours * round_up(k, 4),
            "fours": fours,
            "input_codes": rows * k,
            "calls": 1,
        }

    def passes(self) -> Mapping[str, int]:
        """All weights for each row."""
        return dict.fromkeys(("weights", "channels"), elem_count(self.shapes.inputs[0][:-1]))


class QuadMixedLinear(MixedLinear):
    """The same with weights of four bits."""

    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT4,)
    how: ClassVar[str] = "four channels in a halfword"

    def _pack(self, weights: Int8) -> Int8:
        return pack_signed_quads(weights)
