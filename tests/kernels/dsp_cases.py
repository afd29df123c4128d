"""The calls of kernels for DSP cores that their tests make."""

from __future__ import annotations

import dataclasses
import functools

from tests.kernels import dsp_examples
from tests.kernels.dsp_edges import blocks_of_means, edges
from tests.kernels.isolated.cases import Case, cases, find_variant
from tests.ops.randoms import Example

# Layers per maker; cheap ones with many ways through a kernel more.
COUNT, MANY = 12, 40
# Limits that cut values off below, above and on both sides, which draws may miss for a kernel.
LIMITS = ((-20, 127), (-128, 20), (-20, 20))
_MANY = ("mcuq_depthwise_conv2d_s8_3x3", "mcuq_linear_s8_paired", "mcuq_add_s8_table")


@functools.cache
def cases_of_kernel(kernel: str) -> tuple[Case, ...]:
    """Layers inside the kernel's limits, and as drawn."""
    tested = [find_variant(kernel)]
    found = cases((edge.inside for edge in edges() if edge.kernel == kernel), tested)
    found += cases(blocks_of_means(), tested, 3)
    count = MANY if kernel in _MANY else COUNT
    drawn = dsp_examples.accepted(kernel, count)
    limited = (limit(example, *limits) for example in drawn[:4] for limits in LIMITS)
    return tuple(found + cases(drawn, tested, 3) + cases(limited, tested, 3))


def limit(example: Example, lo: int, hi: int) -> Example:
    """The same layer with other limits of its output."""
    params = getattr(example.op, "params", None)
    if params is None:
        return dataclasses.replace(example, op=dataclasses.replace(example.op, lo=lo, hi=hi))
    params = dataclasses.replace(params, lo=lo, hi=hi)
    return dataclasses.replace(example, op=dataclasses.replace(example.op, params=params))


@functools.cache
def dsp_cases() -> tuple[Case, ...]:
    """Those of all kernels."""
    return tuple(each for kernel in dsp_examples.MAKERS for each in cases_of_kernel(kernel))
