"""AdaRound: learning for every weight whether it is rounded up or down."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.ir.types import Float64, Int64

STRETCH_LO, STRETCH_HI = -0.1, 1.1
_WARM_UP = 0.2  # share of the steps without the pull to 0 or 1
_BETA_FROM, _BETA_TO = 20.0, 2.0
_DECAY_MEAN, _DECAY_SQUARE, _TINY = 0.9, 0.999, 1e-8


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast.

    Args:
        steps: of the optimizer.
        batch: rows in each.
        rate: Adam's learning rate.
        pull: weight of the term that makes every choice a whole one.
    """

    steps: int = 1000
    batch: int = 256
    rate: float = 0.02
    pull: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RoundingTask:
    """What is learned from, in units of codes.

    Args:
        target: `w / s`, `[G, K, m]`.
        rows: quantized inputs, `[G, R, K]`.
        bias: added to every output, `[G, m]`.
        lo: the activation's lower limit of each output, `[G, m]`; infinite without one.
        hi: its upper limit.
        qmax: the largest code.
    """

    target: Float64
    rows: Float64
    bias: Float64
    lo: Float64
    hi: Float64
    qmax: int


def adaround(task: RoundingTask, schedule: Schedule | None = None) -> Float64:
    """Codes `[G, K, m]` with which the layer's outputs, activation included, are closest to the float ones.

    `q = clamp(floor(w / s) + h)` with `h = clip(1.2 sigmoid(v) - 0.1, 0, 1)`; Adam minimizes the mean squared
    error of a batch of rows plus `pull sum(1 - |2 h - 1|^beta)`, beta falling from 20 to 2 on a cosine after
    the warm-up. Errors are relative to the inputs' power, so that `pull` means the same in every layer. The
    result depends on the task alone: rows are taken in a fixed random order.

    Source: Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, equations 21 to 24.
    """
    schedule = schedule or Schedule()
    below = np.floor(task.target)
    v = _initial(task.target - below)
    power = np.square(task.rows).mean(axis=(1, 2))
    unit = 1 / np.sqrt(np.where(power > 0, power, 1.0))[:, None, None]
    adam = _Adam(v, schedule.rate)
    order = _order(task.rows.shape[1])
    for step in range(schedule.steps):
        picked = order[(step * schedule.batch + np.arange(schedule.batch)) % len(order)]
        soft, slope = _soften(v)
        slope = slope * (np.abs(below + soft) <= task.qmax)
        gradient = _error_gradient(task, np.clip(below + soft, -task.qmax, task.qmax), picked, unit)
        beta = _beta(step, schedule.steps)
        if beta is not None:
            gradient += schedule.pull * _pull_gradient(soft, beta)
        v -= adam.step(gradient * slope)
    return np.asarray(np.clip(below + (_soften(v)[0] >= 0.5), -task.qmax, task.qmax))


def _initial(fraction: Float64) -> Float64:
    """The v whose h is a fraction in [0, 1)."""
    share = (fraction - STRETCH_LO) / (STRETCH_HI - STRETCH_LO)
    return np.asarray(np.log(share / (1 - share)))


def _soften(v: Float64) -> tuple[Float64, Float64]:
    """H of v, and its derivative."""
    sigmoid = 1 / (1 + np.exp(-v))
    stretched = (STRETCH_HI - STRETCH_LO) * sigmoid + STRETCH_LO
    slope = (STRETCH_HI - STRETCH_LO) * sigmoid * (1 - sigmoid)
    return np.clip(stretched, 0.0, 1.0), np.where((stretched > 0) & (stretched < 1), slope, 0.0)


def _error_gradient(task: RoundingTask, codes: Float64, picked: Int64, unit: Float64) -> Float64:
    """Of the outputs' mean squared error by the codes; a clipped output passes nothing."""
    rows = task.rows[:, picked]
    lo, hi, bias = task.lo[:, None], task.hi[:, None], task.bias[:, None]
    found, wanted = rows @ codes + bias, rows @ task.target + bias
    error = (np.clip(found, lo, hi) - np.clip(wanted, lo, hi)) * ((found > lo) & (found < hi))
    return np.asarray(2 / len(picked) * unit**2 * (rows.transpose(0, 2, 1) @ error))


def _pull_gradient(soft: Float64, beta: float) -> Float64:
    """Of `1 - |2 h - 1|^beta`."""
    away = 2 * soft - 1
    size: Float64 = np.abs(away) ** (beta - 1)
    return np.asarray(-2 * beta * np.sign(away) * size)


def _beta(step: int, steps: int) -> float | None:
    """Falls along a cosine after the warm-up; None before."""
    start = _WARM_UP * steps
    if step < start:
        return None
    share = (step - start) / max(steps - start, 1)
    return _BETA_TO + (_BETA_FROM - _BETA_TO) * (1 + math.cos(share * math.pi)) / 2


def _order(count: int) -> Int64:
    """A random order of `range(count)`, the same everywhere."""
    return np.argsort(np.random.PCG64(0).random_raw(count), kind="stable").astype(np.int64)


class _Adam:
    """Adam's step from a gradient. Source: Kingma and Ba, algorithm 1."""

    def __init__(self, like: Float64, rate: float) -> None:
        self._mean, self._square = np.zeros_like(like), np.zeros_like(like)
        self._rate, self._count = rate, 0

    def step(self, gradient: Float64) -> Float64:
        """What to subtract."""
        self._count += 1
        self._mean += (1 - _DECAY_MEAN) * (gradient - self._mean)
        self._square += (1 - _DECAY_SQUARE) * (gradient**2 - self._square)
        mean = self._mean / (1 - _DECAY_MEAN**self._count)
        square = self._square / (1 - _DECAY_SQUARE**self._count)
        return np.asarray(self._rate * mean / (np.sqrt(square) + _TINY))
