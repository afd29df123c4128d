"""The weights of one layer: each algorithm in turn, kept where held-out samples agree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np

from mcuq.ir.types import Float64
from mcuq.quantize.rounding.adaround import RoundingTask, adaround
from mcuq.quantize.rounding.aim import aim
from mcuq.quantize.rounding.layer_problem import LayerProblem, Solution, corrected_bias, held_out_error
from mcuq.quantize.rounding.refine import Refinement, refine
from mcuq.quantize.rounding.scales import choose_factors
from mcuq.quantize.rounding.second_order import DAMPING, SWEEPS, damped, descend, gptq, nearest

RoundingMethod: TypeAlias = Literal["nearest", "gptq", "adaround"]
ScaleOf: TypeAlias = Callable[[Float64], Float64]
"""Float32-exact scales `[G, m]` of factors `[G, m]` on the scales that cover the largest weights."""

# Less is noise of the last bits, which may differ with the number of threads.
_MARGIN = 1e-6
_BIAS_LIMIT = 2.0**30  # codes; half of int32 is left for the sum


@dataclasses.dataclass(frozen=True, slots=True)
class Methods:
    """What is tried.

    Args:
        bias: whether biases make up for mean errors.
        scale: whether scales are chosen by the full error.
        rounding: how weights become codes.
        damping: of the second-order rounding.
        sweeps: of coordinate descent after it.
        bits: of the weights, 8 or 4.
        is_gated: whether held-out samples can refuse; False keeps everything.
    """

    bias: bool = True
    scale: bool = True
    rounding: RoundingMethod = "gptq"
    damping: float = DAMPING
    sweeps: int = SWEEPS
    bits: int = 8
    is_gated: bool = True

    @property
    def qmax(self) -> int:
        """The largest code."""
        return int(2 ** (self.bits - 1) - 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Gain:
    """What one algorithm did to one layer.

    Args:
        algorithm: "bias", "scale" or "rounding".
        gain_db: by how much the held-out error fell.
        is_kept: whether it was kept.
    """

    algorithm: str
    gain_db: float
    is_kept: bool


def choose_weights(
    problem: LayerProblem, scale_of: ScaleOf, methods: Methods, is_per_channel: bool
) -> tuple[Solution, tuple[Gain, ...]]:
    """Integer weights of a layer.

    Args:
        problem: the layer and its inputs.
        scale_of: scales of factors.
        methods: what to try.
        is_per_channel: whether every output channel has a scale of its own.

    Returns:
        The solution, and what each algorithm that was tried did.
    """
    if problem.fitted is not None:
        problem = dataclasses.replace(problem, weights=aim(problem, problem.fitted))
    best = _round_nearest(problem, scale_of(np.ones_like(problem.bias)), methods, problem.bias)
    error = held_out_error(problem, best)
    gains = []
    for name, candidate in _candidates(problem, scale_of, methods, is_per_channel):
        trial = candidate(best)
        found = held_out_error(problem, trial)
        is_kept = found < error * (1 - _MARGIN) or not methods.is_gated
        gains.append(Gain(name, _ratio_db(error, found), is_kept))
        if is_kept:
            best, error = trial, found
    return best, tuple(gains)


def _candidates(
    problem: LayerProblem, scale_of: ScaleOf, methods: Methods, is_per_channel: bool
) -> Iterator[tuple[str, Callable[[Solution], Solution]]]:
    """Each algorithm as a change of what was kept so far; the bias goes first, it decides which H counts."""

    def is_corrected(current: Solution) -> bool:
        return current.bias is not problem.bias

    def moments(current: Solution) -> Float64:
        return problem.moments.central if is_corrected(current) else problem.moments.second

    def with_bias(current: Solution, codes: Float64, scale: Float64) -> Solution:
        bias = problem.bias
        if is_corrected(current):
            bias = corrected_bias(problem, codes * scale[:, None, :])
        return Solution(codes, scale, _limited(bias, problem.bias, scale))

    def correct_bias(current: Solution) -> Solution:
        bias = corrected_bias(problem, current.weights)
        return dataclasses.replace(current, bias=_limited(bias, problem.bias, current.scale))

    def choose_scale(current: Solution) -> Solution:
        factors = choose_factors(
            problem.weights, current.scale, moments(current), methods.qmax, is_per_channel
        )
        scale = scale_of(factors)
        return with_bias(current, nearest(problem.weights / scale[:, None, :], methods.qmax), scale)

    def round_adaptively(current: Solution) -> Solution:
        codes = adaround(_task(problem, current.scale, methods))
        return with_bias(current, codes, current.scale)

    def refine_both(current: Solution) -> Solution:
        return with_bias(current, *_refined(problem, scale_of, methods, moments(current), current.scale))

    def round_second_order(current: Solution) -> Solution:
        target = problem.weights / current.scale[:, None, :]
        weight = moments(current)
        codes = gptq(target, weight, methods.qmax, methods.damping)
        codes = descend(codes, target, damped(weight, methods.damping), methods.qmax, methods.sweeps)
        return with_bias(current, codes, current.scale)

    if methods.bias:
        yield "bias", correct_bias
    if methods.scale:
        yield "scale", choose_scale
    if methods.rounding == "gptq":
        # One scale for all outputs is no output's own.
        is_refined = methods.bits < 8 and methods.scale and is_per_channel
        yield "rounding", refine_both if is_refined else round_second_order
    if methods.rounding == "adaround":
        yield "rounding", round_adaptively


def _refined(
    problem: LayerProblem, scale_of: ScaleOf, methods: Methods, moments: Float64, begin: Float64
) -> tuple[Float64, Float64]:
    """Codes and scales from a scale on."""
    base = scale_of(np.ones_like(problem.bias))

    def exact(scale: Float64) -> Float64:
        return scale_of(scale / base)

    task = Refinement(problem.weights, moments, methods.qmax, methods.damping, methods.sweeps, exact)
    return refine(task, begin)


def _task(problem: LayerProblem, scale: Float64, methods: Methods) -> RoundingTask:
    """The layer as AdaRound sees it."""
    assert problem.fit_rows is not None
    lo, hi = (limit / scale for limit in problem.limits)
    target = problem.weights / scale[:, None, :]
    return RoundingTask(target, problem.fit_rows, problem.bias / scale, lo, hi, methods.qmax)


def _round_nearest(problem: LayerProblem, scale: Float64, methods: Methods, bias: Float64) -> Solution:
    return Solution(nearest(problem.weights / scale[:, None, :], methods.qmax), scale, bias)


def _limited(bias: Float64, original: Float64, scale: Float64) -> Float64:
    """The bias where its code leaves room for the sum, the original one elsewhere."""
    return np.where(np.abs(bias) <= _BIAS_LIMIT * scale, bias, original)


def _ratio_db(before: float, after: float) -> float:
    """By how much an error fell; 0 where there was none."""
    if before <= 0 or after <= 0:
        return 0.0 if before <= 0 else math.inf
    return 10 * math.log10(before / after)
