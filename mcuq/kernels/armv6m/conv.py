"""Convolutions for Armv6-M."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mcuq.ir.plan import CArray, KernelCall, KernelWalk
from mcuq.ir.types import freeze
from mcuq.kernels.fields import round_up
from mcuq.kernels.portable.conv import BlockedConv
from mcuq.kernels.variant import Terms, VariantType
from mcuq.kernels.walks import window_walk


class HalvesConv(BlockedConv):
    """Two channels by two windows, whose codes share words: a product is two of them."""

    kernel: ClassVar[str] = "mcuq_conv2d_s8_halves"

    def call(self) -> KernelCall:
        """Rows of weights filled up to an even number."""
        call = super().call()
        weights = self.op.params.weights
        rows = weights.reshape(len(weights), -1)
        k = rows.shape[1]
        wide = np.zeros((len(rows), round_up(k, 2)), np.int8)
        wide[:, :k] = rows
        packed = CArray(
            "weights", freeze(wide.reshape(-1)), f"weights {list(weights.shape)}, rows of an even number"
        )
        scratch = 4 * (k + 1) + (0 if self._is_in_place() else 2 * k)
        arrays = (packed, *call.arrays[1:])
        return KernelCall(self.kernel, call.fields, arrays, scratch_bytes=scratch, walks=call.walks)

    def _walks(self) -> tuple[KernelWalk, ...]:
        """Two windows become words before their outputs are written."""
        op, x = self.op, self.shapes.inputs[0]
        return (
            () if op.groups > 1 or x[0] > 1 else window_walk(op.window, x, self.shapes.output, self.windows)
        )

    def terms(self) -> Terms:
        """Blocks of two channels, words, windows."""
        found = super().terms()
        op, rounds = self.op, found["rounds"]
        k, pairs = op.params.weights[0].size, -(-(self.shapes.output[3] // op.groups) // 2)
        mine = {
            "block_codes": rounds * pairs * round_up(k, 2),
            "blocks": rounds * pairs,
            "words": rounds * k,
        }
        kept = ("rounds", "windows", "gathered_codes", "gathered_rows", "tapped", "calls")
        return {**mine, **{name: found[name] for name in kept}}


VARIANTS: tuple[VariantType, ...] = (HalvesConv,)
