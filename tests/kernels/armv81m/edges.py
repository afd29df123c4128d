"""Layers on both sides of the limits of kernels with vectors: the rounding contract is the only one."""

from __future__ import annotations

from tests.kernels.armv7em.edges import WEIGHTED, contracts
from tests.kernels.special import Edge
from tests.ops.randoms import Example

# Layers of the same shapes as those of the kernels for DSP cores.
LIKE = {
    "mcuq_conv2d_s8_mve": "mcuq_conv2d_s8_paired",
    "mcuq_depthwise_conv2d_s8_mve": "mcuq_depthwise_conv2d_s8_dsp",
}


def more_examples() -> list[Example]:
    return []


def edges() -> list[Edge]:
    return [edge for kernel, like in LIKE.items() for edge in contracts(kernel, *WEIGHTED[like])]
