"""One layer's weights together with what calibration says about its inputs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.ir.types import Float64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class InputMoments:
    """What quantized calibration samples bring to a layer, in units of input codes, zero point subtracted.

    Args:
        second: `E[x x^T]`, `[G, K, K]`.
        central: `E[(x - E x) (x - E x)^T]`, what counts when the bias makes up for the mean error.
    """

    second: Float64
    central: Float64

    @classmethod
    def of_sums(cls, products: Float64, total: Float64, count: int) -> InputMoments:
        """From sums over rows of whole numbers.

        Args:
            products: `sum x x^T`, `[G, K, K]`.
            total: `sum x`, `[G, K]`.
            count: rows, at most 40,000, so that the difference below is exact: a direction in which nothing
                varies has variance 0 and not a small number of either sign.
        """
        central = count * products - total[:, :, None] * total[:, None, :]
        return cls(products / count, central / float(count) ** 2)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows of samples that no weight was fitted to.

    Args:
        rows: quantized inputs, `[G, R, K]`, as in `InputMoments`.
        target: what the float model has before its activation, `[G, R, m]`.
    """

    rows: Float64
    target: Float64


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LayerProblem:
    """A layer to be rounded; sums are in units of the input's scale: `y / s_x = sum x w + b / s_x`.

    Args:
        weights: `[G, K, m]`.
        bias: `b / s_x`, `[G, m]`.
        moments: of the inputs that weights are fitted to.
        mean_input: mean quantized input of every tap over all positions, `[G, K]`.
        mean_target: mean of the float model's sums over all positions, `[G, m]`.
        held_out: what decides whether a change is kept.
        limits: of the layer's activation, in the same units; infinite without one.
        fit_rows: quantized inputs that AdaRound learns from, `[G, R, K]`; None where nothing does.
        fitted: rows of samples that weights are fitted to; None where the float weights are the aim.
    """

    weights: Float64
    bias: Float64
    moments: InputMoments
    mean_input: Float64
    mean_target: Float64
    held_out: HeldOut
    limits: tuple[float, float] = (-math.inf, math.inf)
    fit_rows: Float64 | None = None
    fitted: HeldOut | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Integer weights and what they mean.

    Args:
        codes: `[G, K, m]`.
        scale: per output, float32-exact, `[G, m]`.
        bias: `b / s_x`, `[G, m]`.
    """

    codes: Float64
    scale: Float64
    bias: Float64

    @property
    def weights(self) -> Float64:
        """The real weights that the codes stand for."""
        return self.codes * self.scale[:, None, :]


def held_out_error(problem: LayerProblem, solution: Solution) -> float:
    """Squared error of the sums against the float model, over the held-out rows."""
    sums = problem.held_out.rows @ solution.codes
    sums *= solution.scale[:, None, :]
    # The bias as the step adds it, a whole number of codes.
    sums += (np.rint(solution.bias / solution.scale) * solution.scale)[:, None, :]
    sums -= problem.held_out.target
    return float(np.square(sums, out=sums).sum())


def corrected_bias(problem: LayerProblem, weights: Float64) -> Float64:
    """The bias with which the mean of every output is the float model's.

    Args:
        problem: the layer.
        weights: real values of the integer weights, `[G, K, m]`.

    Returns:
        In units of the input's scale, `[G, m]`.

    Source: docs/calibration.md, weights, `b += mean_float(pre) - mean_quantized(pre)`.
    """
    return np.asarray(problem.mean_target - (problem.mean_input[:, None, :] @ weights)[:, 0])
