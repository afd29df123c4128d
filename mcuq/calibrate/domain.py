"""Whether data looks like what a model was trained on, by the running statistics of its normalizations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.ir.normalization import Normalization
from mcuq.ir.types import Array, Float32, Float64, Int64

# Beyond these the data is of another kind. Measured on the calibration halves of IC, VWW, KWS and digits, 20
# draws each: 16 samples of the right data at most 0.086 in the first layers and 0.061 in all, 32 samples
# 0.055 and 0.041; VWW's model on CIFAR pictures 0.082 in all, wrong scales, noise and constants 0.1 and more.
MAX_EARLY = 0.12
MAX_ALL = 0.075
_FEW = 16  # fewer samples may differ twice as much
# A remedy is named where it explains this share of the divergence, and more than its own noise.
_EXPLAINED = 0.5
_LEAST_GAIN = 0.015
_EARLY = 3  # layers that still see colours and scales
_MAX_PER_CHANNEL = 5.0
MAX_SAMPLES = 32

_Change = Callable[[Float32], Float32]
RunSamples = Callable[[Samples, Sequence[str]], Iterable[Mapping[str, Array]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """A mistake of preprocessing.

    Args:
        name: what seems to have gone wrong.
        undo: takes it back.
    """

    name: str
    undo: _Change


def _linear(name: str, factor: float, offset: float = 0.0) -> Remedy:
    def undo(x: Float32) -> Float32:
        changed: Float32 = np.asarray(x * np.float32(factor) + np.float32(offset), np.float32)
        return changed

    return Remedy(name, undo)


_SCALES = (
    _linear("the values look 255 times too large: scale them by 1/255", 1 / 255),
    _linear("the values look 255 times too small: give 0..255", 255),
    _linear("the model seems to take -1..1: map 0..255 by (x - 127.5) / 127.5", 1 / 127.5, -1),
    _linear("the model seems to take -1..1: map 0..1 by 2 x - 1", 2, -1),
    _linear("the model seems to take 0..1: map -1..1 by (x + 1) / 2", 0.5, 0.5),
    _linear("the model seems to take 0..255: map -1..1 by 127.5 x + 127.5", 127.5, 127.5),
)


class DomainCollector:
    """Gathers what decides whether samples look like the training data.

    Args:
        normalizations: of the model, in its order.
    """

    __slots__ = ("_normalizations", "_sums")

    def __init__(self, normalizations: Sequence[Normalization]) -> None:
        """Start before the first sample."""
        self._normalizations = normalizations
        self._sums: dict[str, list[Float64]] = {each.x: [] for each in normalizations}

    def take(self, values: Mapping[str, Array]) -> None:
        """Take the input of every normalization for some samples, `[k, n, C, ...]` by the model's name."""
        for name, sums in self._sums.items():
            sums.extend(_sums(each) for each in values[name])

    def divergences(self) -> Float64:
        """Mean divergence of the channels of every normalization's input from its running statistics.

        A channel with mean m and variance v gives `(r + z^2 - 1 - ln r) / 2` with
        `z = (m - mean) / deviation`, `r = (v + epsilon) / deviation^2`: the Kullback-Leibler divergence of
        two bell curves, at most 5.

        Returns:
            float64, one per normalization.
        """
        return np.array([_divergence(each, self._sums[each.x]) for each in self._normalizations])


def domain_samples(count: int) -> Int64:
    """Indices of the samples to look at, at most 32, spread over the data, which may be sorted by class."""
    looked_at = min(count, MAX_SAMPLES)
    return np.arange(looked_at) * count // looked_at


def check_domain(
    normalizations: Sequence[Normalization], found: Float64, samples: Samples, run: RunSamples
) -> str | None:
    """What is suspicious about samples, None where they look like the training data.

    Args:
        normalizations: of the model, in its order; at least one.
        found: their divergences on the samples.
        samples: those of the calibration data that were looked at.
        run: gives the inputs of normalizations for other samples, one after the other, as
            `DomainCollector.take` takes them.
    """
    early, score = float(found[:_EARLY].mean()), float(found.mean())
    slack = 2 if len(samples) < _FEW else 1
    excess = max(early / MAX_EARLY, score / MAX_ALL) / slack
    remedy = _find_remedy(normalizations[:_EARLY], samples, run, early, excess > 1)
    if remedy is not None:
        return f"the calibration data does not fit the model's normalizations: {remedy}"
    if excess > 1:
        return (
            "the calibration data is unlike what the model was trained on: it differs from the running "
            f"statistics of its normalizations {excess:.1f} times as much as right data may; "
            "check scale, colour order and source"
        )
    return None


def _sums(values: Array) -> Float64:
    """Mean and mean square of every channel of one sample `[n, C, ...]`."""
    channels = np.moveaxis(values, 1, 0).reshape(values.shape[1], -1).astype(np.float64)
    with np.errstate(all="ignore"):  # data in a wrong scale can overflow
        return np.stack([channels.mean(axis=1), np.square(channels).mean(axis=1)])


def _divergence(each: Normalization, sums: Sequence[Float64]) -> float:
    with np.errstate(all="ignore"):
        mean, square = np.mean(sums, axis=0)
        z = (mean - each.mean) / each.deviation
        ratio = (np.maximum(square - mean * mean, 0.0) + each.epsilon) / each.deviation**2
        channels = (ratio + z * z - 1 - np.log(ratio)) / 2
    limited = np.minimum(np.nan_to_num(channels, nan=_MAX_PER_CHANNEL), _MAX_PER_CHANNEL)
    return float(limited.mean())


def _find_remedy(
    normalizations: Sequence[Normalization], samples: Samples, run: RunSamples, before: float, is_wrong: bool
) -> str | None:
    """The mistake whose undoing explains most, None where none explains enough."""
    remedies = [*_color_remedies(samples), *(_SCALES if is_wrong else ())]
    best, found = min(before * _EXPLAINED, before - _LEAST_GAIN, MAX_EARLY), None
    for remedy in remedies:
        changed = Samples.from_arrays(
            {name: np.nan_to_num(remedy.undo(samples.array(name))) for name in samples.names}
        )
        collector = DomainCollector(normalizations)
        for values in run(changed, [each.x for each in normalizations]):
            collector.take(values)
        after = float(collector.divergences().mean())
        if after < best:
            best, found = after, remedy.name
    return found


def _color_remedies(samples: Samples) -> list[Remedy]:
    """Swapping the outer channels, where the one input can be a picture of three."""
    shapes = [samples.shape(name) for name in samples.names]
    if len(shapes) != 1 or len(shapes[0]) not in (3, 4):
        return []
    axes = [axis for axis in (len(shapes[0]), len(shapes[0]) - 2) if shapes[0][axis - 1] == 3]
    if not axes:
        return []
    name = "the colours look swapped: try --color bgr instead of rgb, or the other way round"
    return [Remedy(name, lambda x: np.flip(x, axes[0]))]
