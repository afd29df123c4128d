"""The streaming store: what one tensor's values looked like, whatever the order they came in."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mcuq.ir.types import Array, Float32, Int64

BINS = 2048
_LOG2_BINS = 11
_UNIT_EXPONENT = 149
_SUM_BYTES = 48  # 2^277 a sample, and as many samples as there can be
_BLOCK = 1 << 16  # values per pass: the scaled block and its indices stay in the L2 cache


class TensorStore:
    """Exact extremes and a power-of-two histogram of all values of one tensor.

    Bin k of a side counts the finite values with `k * width <= |x| < (k + 1) * width`, zeros left out. The
    width is `2^exponent / 2048` with the frexp exponent of the largest |x| so far, so a larger value merges
    bins in pairs and no count ever depends on how the values were split into batches or ordered.

    Attributes:
        count: finite values, zeros included.
        zeros: exact zeros of either sign.
        nans: NaN values, not counted elsewhere.
        infs: infinities, not counted elsewhere.
        lo: the smallest finite value (float32-exact), 0 when there is none.
        hi: the largest finite value (float32-exact), 0 when there is none.
        exponent: frexp exponent of max |x|, None while all values are zero.
        neg: int64 `[2048]`, magnitudes of the negative values.
        pos: int64 `[2048]`, the positive values.
        samples: how many samples of finite values `update_samples` has seen.
        sums: sums of their minima and maxima in units of 2^-149, the smallest float32: exact in any order.

    Source: docs/calibration.md, methods.
    """

    __slots__ = ("count", "exponent", "hi", "infs", "lo", "nans", "neg", "pos", "samples", "sums", "zeros")

    def __init__(self) -> None:
        self.count = 0
        self.zeros = 0
        self.nans = 0
        self.infs = 0
        self.lo = 0.0
        self.hi = 0.0
        self.exponent: int | None = None
        self.neg: Int64 = np.zeros(BINS, np.int64)
        self.pos: Int64 = np.zeros(BINS, np.int64)
        self.samples = 0
        self.sums = (0, 0)

    @property
    def width(self) -> float:
        """Width of a bin, a power of two; 0 while all values are zero."""
        return 0.0 if self.exponent is None else math.ldexp(1.0, self.exponent - _LOG2_BINS)

    @property
    def amax(self) -> float:
        """The largest |x|."""
        return max(-self.lo, self.hi)

    @property
    def nonfinite_rate(self) -> float:
        """Share of NaN and infinities among all values seen."""
        dropped = self.nans + self.infs
        return dropped / max(dropped + self.count, 1)

    def update(self, values: Array) -> None:
        """Count the values of an array.

        Args:
            values: float32 or float16 of any shape (wider types would be rounded, so they are refused).
        """
        assert values.dtype in (np.float32, np.float16), values.dtype
        flat = values.reshape(-1)
        for start in range(0, flat.size, _BLOCK):
            self._update_block(flat[start : start + _BLOCK].astype(np.float32, copy=False))

    def update_samples(self, values: Array) -> None:
        """Count the values of samples, and the extremes of each.

        Args:
            values: `[samples, ...]`, as `update` takes them.
        """
        self.update(values)
        for row in values.reshape(len(values), -1):
            extremes = row.min(initial=np.inf), row.max(initial=-np.inf)
            if not np.isfinite(extremes).all():
                finite = row[np.isfinite(row)]
                if not finite.size:
                    continue
                extremes = finite.min(), finite.max()
            lo, hi = (int(math.ldexp(float(each), _UNIT_EXPONENT)) for each in extremes)
            self.samples += 1
            self.sums = (self.sums[0] + lo, self.sums[1] + hi)

    @property
    def mean_extremes(self) -> tuple[float, float] | None:
        """Means of the samples' minima and maxima, None before the first sample."""
        if not self.samples:
            return None
        unit = self.samples << _UNIT_EXPONENT
        return self.sums[0] / unit, self.sums[1] / unit

    def merge(self, other: TensorStore) -> None:
        """Count everything another store has seen."""
        self.samples += other.samples
        self.sums = (self.sums[0] + other.sums[0], self.sums[1] + other.sums[1])
        if other.count:
            self._extend(other.lo, other.hi)
        self.count += other.count
        self.zeros += other.zeros
        self.nans += other.nans
        self.infs += other.infs
        if other.exponent is not None:
            assert self.exponent is not None
            shift = self.exponent - other.exponent
            self.neg += _merge_bins(other.neg, shift)
            self.pos += _merge_bins(other.pos, shift)

    def _update_block(self, x: Float32) -> None:
        """Count a block of at most `_BLOCK` float32 values."""
        with np.errstate(invalid="ignore"):
            lo, hi = float(x.min()), float(x.max())
        if not (math.isfinite(lo) and math.isfinite(hi)):
            x = self._drop_nonfinite(x)
            if not x.size:
                return
            lo, hi = float(x.min()), float(x.max())
        self._extend(lo, hi)
        self.count += x.size
        if lo == hi == 0:
            self.zeros += x.size
        else:
            self._count_bins(x, lo, hi)

    def _drop_nonfinite(self, x: Float32) -> Float32:
        """The finite values; the others are counted."""
        nans = int(np.count_nonzero(np.isnan(x)))
        finite = x[np.isfinite(x)]
        self.nans += nans
        self.infs += x.size - finite.size - nans
        return finite

    def _extend(self, lo: float, hi: float) -> None:
        """Take in new extremes, called before `count` grows."""
        # Adding zero turns -0.0 into 0.0, so that the sign of a zero never shows.
        self.lo = (min(self.lo, lo) if self.count else lo) + 0.0
        self.hi = (max(self.hi, hi) if self.count else hi) + 0.0
        amax = max(-self.lo, self.hi, -self.hi, self.lo)
        if amax == 0:
            return
        exponent = math.frexp(amax)[1]
        if self.exponent is not None and exponent > self.exponent:
            self.neg = _merge_bins(self.neg, exponent - self.exponent)
            self.pos = _merge_bins(self.pos, exponent - self.exponent)
        self.exponent = exponent

    def _count_bins(self, x: Float32, lo: float, hi: float) -> None:
        """Add a finite block with extremes lo, hi, not all zero, to the histogram."""
        index = self._scale(x).astype(np.int32)
        zeros = int(np.count_nonzero(x == 0)) if lo <= 0 <= hi else 0
        self.zeros += zeros
        if lo >= 0:
            self.pos += np.bincount(index, minlength=BINS)
            self.pos[0] -= zeros
            return
        # Truncation sends bin 0 of both sides and the zeros to one index; counting the negatives parts them.
        index += BINS - 1
        counts = np.bincount(index, minlength=2 * BINS - 1)
        negatives = int(np.count_nonzero(x < 0))
        low_negatives = negatives - int(counts[: BINS - 1].sum())
        self.neg[1:] += counts[BINS - 2 :: -1]
        self.neg[0] += low_negatives
        self.pos += counts[BINS - 1 :]
        self.pos[0] -= low_negatives + zeros

    def _scale(self, x: Float32) -> Float32:
        """X in units of bins, below 2048 in magnitude.

        Multiplying by a power of two is exact but where the product is subnormal, far below 1, so truncation
        always finds the true bin.
        """
        assert self.exponent is not None
        power = _LOG2_BINS - self.exponent
        if power > 127:  # the factor itself would overflow: subnormal tensors only
            return x * np.float32(2.0**100) * np.float32(2.0 ** (power - 100))
        return x * np.float32(2.0**power)

    def to_arrays(self) -> dict[str, Array]:
        """The state as plain arrays: `counts` int64 `[5]`, `extremes` float64 `[2]`, `neg` and `pos`."""
        exponent = 0 if self.exponent is None else self.exponent
        counts = [self.count, self.zeros, self.nans, self.infs, exponent]
        return {
            "counts": np.array(counts, np.int64),
            "extremes": np.array([self.lo, self.hi], np.float64),
            "neg": self.neg.copy(),
            "pos": self.pos.copy(),
            "sums": np.frombuffer(b"".join(_pack(each) for each in (self.samples, *self.sums)), np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> TensorStore:
        """The inverse of `to_arrays`."""
        store = cls()
        store.count, store.zeros, store.nans, store.infs, exponent = map(int, arrays["counts"])
        store.lo, store.hi = map(float, arrays["extremes"])
        store.exponent = None if store.lo == store.hi == 0 else exponent
        store.neg = np.array(arrays["neg"], np.int64)
        store.pos = np.array(arrays["pos"], np.int64)
        packed = bytes(np.asarray(arrays["sums"], np.uint8))
        numbers = (packed[start : start + _SUM_BYTES] for start in range(0, len(packed), _SUM_BYTES))
        store.samples, *sums = (int.from_bytes(each, "little", signed=True) for each in numbers)
        store.sums = (sums[0], sums[1])
        return store

    def __eq__(self, other: object) -> bool:
        """Whether two stores have seen the same values, to the last bit of the state."""
        if not isinstance(other, TensorStore):
            return NotImplemented
        mine, theirs = self.to_arrays(), other.to_arrays()
        return all(np.array_equal(mine[key], theirs[key]) for key in mine)

    __hash__ = None  # type: ignore[assignment]  # the state changes


def _pack(number: int) -> bytes:
    return number.to_bytes(_SUM_BYTES, "little", signed=True)


def _merge_bins(counts: Int64, shift: int) -> Int64:
    """The same counts in bins 2^shift times as wide, shift >= 0."""
    step = 1 << min(shift, _LOG2_BINS)
    merged = np.zeros_like(counts)
    merged[: BINS // step] = counts.reshape(-1, step).sum(axis=1)
    return merged
