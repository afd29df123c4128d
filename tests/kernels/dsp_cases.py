"""The calls of kernels for DSP cores that their tests make."""

from __future__ import annotations

import functools

from tests.kernels import dsp_examples
from tests.kernels.dsp_edges import blocks_of_means, edges, variant
from tests.kernels.isolated.cases import Case, cases

# Layers per maker; cheap ones with many ways through a kernel more.
COUNT, MANY = 12, 40
_MANY = ("mcuq_depthwise_conv2d_s8_3x3", "mcuq_linear_s8_paired", "mcuq_add_s8_table")


@functools.cache
def cases_of_kernel(kernel: str) -> tuple[Case, ...]:
    """Layers inside the kernel's limits, and as drawn."""
    tested = [variant(kernel)]
    found = cases((edge.inside for edge in edges() if edge.kernel == kernel), tested)
    found += cases(blocks_of_means(), tested, 3)
    count = MANY if kernel in _MANY else COUNT
    return tuple(found + cases(dsp_examples.accepted(kernel, count), tested, 3))


@functools.cache
def dsp_cases() -> tuple[Case, ...]:
    """Those of all kernels."""
    return tuple(each for kernel in dsp_examples.MAKERS for each in cases_of_kernel(kernel))
