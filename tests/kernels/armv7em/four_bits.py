"""Layers with weights of four bits: those of wider weights, made narrow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random

import numpy as np

from mcuq.ir.integer import Requant
from mcuq.ir.types import DType, freeze
from tests.ops.randoms import Example

Maker = Callable[[Random], Example]


def narrowed(maker: Maker) -> Maker:
    """The same layers with an eighteenth of their weights, and as much more scale.

    Toward zero, so that no sum that fits into int32 leaves it: 16 times a code is at most the weight.
    """

    def make(rng: Random) -> Example:
        example = maker(rng)
        params = example.op.params
        scale = params.requant
        codes = np.trunc(params.weights / 18)
        shift = tuple(
            min(each + 4, 30) if m else 0 for m, each in zip(scale.multiplier, scale.shift, strict=True)
        )
        found = dataclasses.replace(
            params,
            weights=freeze(codes.astype(np.int8)),
            bias=freeze(params.bias // 16, "int32"),
            requant=Requant(scale.multiplier, shift, scale.rounding),
            weight_type=DType.INT4,
        )
        return dataclasses.replace(example, op=dataclasses.replace(example.op, params=found))

    make.__name__ = f"narrow_{maker.__name__}"
    return make
