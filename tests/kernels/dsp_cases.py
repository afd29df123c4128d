"""The calls of kernels for DSP cores that their tests make."""

from __future__ import annotations

import functools

from mcuq.kernels.armv7em import ARMV7EM
from tests.kernels import dsp_examples
from tests.kernels.dsp_edges import blocks_of_means, edges
from tests.kernels.isolated.cases import Case, cases

# Layers per maker; cheap ones with many ways through a kernel more.
COUNT, MANY = 10, 40
_MANY = ("mcuq_depthwise_conv2d_s8_3x3", "mcuq_linear_s8_paired", "mcuq_add_s8_table")


@functools.cache
def dsp_cases() -> tuple[Case, ...]:
    """Layers as drawn, and those inside every limit."""
    found = cases((edge.inside for edge in edges()), ARMV7EM) + cases(blocks_of_means(), ARMV7EM, 3)
    for kernel in dsp_examples.MAKERS:
        found += cases(dsp_examples.accepted(kernel, MANY if kernel in _MANY else COUNT), ARMV7EM, 3)
    return tuple(found)
