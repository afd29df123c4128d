"""Inputs for a model that comes without data: good for sizes and speed, not for accuracy."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mcuq.calibrate.data import InputSpec, Samples
from mcuq.calibrate.params import Range
from mcuq.ir.types import Float32, Float64, Int64, Shape, elem_count

DEFAULT_RANGE = Range(-1.0, 1.0)
_SMOOTH_STEP = 8  # elements between two points of a smooth sample


def synthetic_samples(
    inputs: Sequence[InputSpec],
    count: int,
    seed: int = 0,
    ranges: Mapping[str, Range] = MappingProxyType({}),
    whole: Collection[str] = (),
) -> Samples:
    """Noise of four kinds in turn: white, bell-shaped, smooth, and flat patches.

    Args:
        inputs: the model's inputs.
        count: number of samples, at least 1.
        seed: at least 0.
        ranges: real values by input, -1..1 where not given; white and smooth samples span all of it.
        whole: inputs that hold whole numbers.

    Returns:
        Samples that are computed when read; sample i does not depend on `count`.
    """
    assert count >= 1 and seed >= 0
    return Samples(
        {
            spec.name: SyntheticColumn(
                spec.shape,
                count,
                (seed, index),
                ranges.get(spec.name, DEFAULT_RANGE),
                spec.name in whole,
            )
            for index, spec in enumerate(inputs)
        }
    )


@dataclasses.dataclass(frozen=True, slots=True)
class SyntheticColumn:
    """Samples of noise for one input.

    Args:
        shape: the shape of one sample.
        count: number of samples.
        seed: together with a sample's index, all that its values depend on.
        range: real values.
        is_whole: whether they are whole numbers.
    """

    shape: Shape
    count: int
    seed: tuple[int, int]
    range: Range
    is_whole: bool = False

    def __len__(self) -> int:
        return self.count

    def read(self, indices: Int64) -> Float32:
        out = np.empty((len(indices), *self.shape), np.float32)
        lo, hi = self.range.lo, self.range.hi
        for row, index in enumerate(indices):
            unit = self._unit_sample(int(index))
            out[row] = np.clip(lo * (1 - unit) + hi * unit, lo, hi)
        return np.rint(out) if self.is_whole else out

    def _unit_sample(self, index: int) -> Float64:
        """One sample, values in 0..1."""
        uniform = _Uniform((*self.seed, index))
        kinds = (_white, _bell, _smooth, _patches)
        return kinds[index % len(kinds)](uniform, self.shape)


class _Uniform:
    """Multiples of 2^-53 in [0, 1) from a raw stream, whose values NumPy promises to keep."""

    def __init__(self, seed: tuple[int, ...]) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seed))

    def __call__(self, shape: Shape) -> Float64:
        raw = self._bits.random_raw(elem_count(shape)) >> np.uint64(11)
        return (raw.astype(np.float64) * 2.0**-53).reshape(shape)


def _white(uniform: _Uniform, shape: Shape) -> Float64:
    """Every value for itself."""
    return _stretch(uniform(shape))


def _bell(uniform: _Uniform, shape: Shape) -> Float64:
    """Near-normal values about a random level: what normalized sensors give."""
    # A sum of uniform values: logarithms, which true normal values take, differ between machines.
    noise = (uniform(shape) + uniform(shape) + uniform(shape) + uniform(shape)) / 4 - 0.5
    level, contrast = map(float, uniform((2,)))
    return np.asarray(np.clip(0.3 + 0.4 * level + (0.3 + 0.7 * contrast) * noise, 0.0, 1.0))


def _smooth(uniform: _Uniform, shape: Shape) -> Float64:
    """Slow waves along every long axis, with a little noise: pictures, spectra."""
    values = uniform(tuple(_points(size) for size in shape))
    for axis, size in enumerate(shape):
        values = _interpolate(values, axis, size)
    return _stretch(values + 0.05 * uniform(shape))


def _patches(uniform: _Uniform, shape: Shape) -> Float64:
    """Flat patches on a black ground, half of them empty: drawings, silence between sounds."""
    coarse = uniform(tuple(_points(size) for size in shape))
    values = np.where(coarse < 0.5, 0.0, 2 * coarse - 1)
    for axis, size in enumerate(shape):
        values = values.take(np.arange(size) * values.shape[axis] // size, axis)
    return values


def _points(size: int) -> int:
    """Points of a coarse grid along an axis; short axes keep all of theirs."""
    return size if size < 2 * _SMOOTH_STEP else size // _SMOOTH_STEP


def _interpolate(values: Float64, axis: int, size: int) -> Float64:
    """Stretch an axis to `size` elements, linearly."""
    points = values.shape[axis]
    if points == size:
        return values
    position = np.arange(size) * (points - 1) / (size - 1)
    left = np.minimum(position.astype(np.int64), points - 2)
    part = (position - left).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
    return np.asarray(values.take(left, axis) * (1 - part) + values.take(left + 1, axis) * part)


def _stretch(values: Float64) -> Float64:
    """Span 0..1 exactly, where there are two values to do it."""
    lo, hi = values.min(), values.max()
    return np.asarray((values - lo) / (hi - lo)) if hi > lo else np.clip(values, 0.0, 1.0)
