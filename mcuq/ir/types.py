"""The plain values of the intermediate representation: element types, shapes, quantization parameters."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]
# The element type of an array is data (`DType`), checked when a tensor is made, not by the type checker.
Array: TypeAlias = NDArray[Any]
Int8: TypeAlias = NDArray[np.int8]
Int16: TypeAlias = NDArray[np.int16]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]


class DType(enum.Enum):
    """Element types of tensors; INT4 is for stored weights only, which kernel variants pack."""

    FLOAT32 = "float32"
    INT4 = "int4"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The NumPy type that holds one element: the one of the same name, int8 for INT4."""
        return np.dtype("int8" if self is DType.INT4 else self.value)

    @property
    def bits(self) -> int:
        """Bits per element in memory."""
        return int(self.value.removeprefix("float").removeprefix("int"))

    @property
    def itemsize(self) -> int:
        """Bytes per element of a type that fills bytes."""
        assert self.bits % 8 == 0, self
        return self.bits // 8

    @property
    def ctype(self) -> str:
        """The C type of one element."""
        return "float" if self is DType.FLOAT32 else f"{self.numpy.name}_t"

    @property
    def qmin(self) -> int:
        """Smallest code of an integer type."""
        return -(1 << (self.bits - 1))

    @property
    def qmax(self) -> int:
        """Largest code of an integer type."""
        return (1 << (self.bits - 1)) - 1

    def size_bytes(self, count: int) -> int:
        """Bytes that `count` elements fill.

        >>> DType.INT4.size_bytes(5), DType.INT16.size_bytes(5)
        (3, 10)
        """
        return -(-count * self.bits // 8)


# What quantized values are: the types of activations that stand for reals, so not of indices.
CODE_TYPES = (DType.INT8, DType.INT16)
# 16 Mi elements of an activation: as int8 more than any microcontroller has memory for. Computing them takes
# some fifty bytes each.
MAX_TENSOR_ELEMS = 1 << 24
# Multiply-accumulates of one sample: a core that does one in every cycle of 500 MHz needs a minute for them.
MAX_MACS = 1 << 35
# Key of dataclass fields that stored programs leave out while they hold their default.
OPTIONAL = "optional"
# Key of tuple fields that stored programs write under another name, as their item, where there is one.
SINGLE = "single"
FLOAT32_MAX = float(np.finfo(np.float32).max)


def require(condition: bool, what: str) -> None:
    """Refuse a value that cannot be; used where values may come from a file.

    Raises:
        ValueError: with what was needed.
    """
    if not condition:
        raise ValueError(f"needs {what}")


def require_codes(*codes: int, dtype: DType = DType.INT8) -> None:
    """Refuse values that are no codes of a type."""
    require(all(dtype.qmin <= code <= dtype.qmax for code in codes), f"{dtype.value} codes")


def require_limits(lo: int, hi: int, dtype: DType = DType.INT8) -> None:
    """Refuse limits that are no codes of a type, or out of order."""
    require_codes(lo, hi, dtype=dtype)
    require(lo <= hi, "ordered limits")


@dataclasses.dataclass(frozen=True, slots=True)
class QuantParams:
    """Affine quantization, `real = scale * (q - zero_point)`.

    Args:
        scale: one float32-exact, positive, finite value per tensor, or one per index of `axis`.
        zero_point: the code of real zero; 0 for weights and biases.
        dtype: type of the codes.
        axis: the axis of per-channel scales, None per tensor.

    Source: docs/numerics.md, R1.
    """

    scale: tuple[float, ...]
    zero_point: int
    dtype: DType
    axis: int | None = None

    def __post_init__(self) -> None:
        """Check that the parameters mean something."""
        require(self.axis is not None or len(self.scale) == 1, "one scale per tensor")
        require(all(0 < s <= FLOAT32_MAX and float(np.float32(s)) == s for s in self.scale), "float32 scales")
        require(self.dtype is not DType.FLOAT32, "integer codes")
        require(self.dtype.qmin <= self.zero_point <= self.dtype.qmax, "a zero point that is a code")

    @property
    def step(self) -> float:
        """The scale of a per-tensor quantization."""
        assert self.axis is None
        return self.scale[0]

    def steps(self, count: int) -> Float64:
        """The scale of every index of the last axis, `[count]`; that of all where there is one."""
        return np.array(self.scale * (1 if self.axis is not None else count), np.float64)


@dataclasses.dataclass(frozen=True, slots=True)
class WholeNumbers:
    """What an input of integers holds, whose codes these are; no range is measured.

    Args:
        lo: the smallest that means something.
        hi: the largest.
        quant: scale 1; codes outside lo..hi may come and do no harm.
    """

    lo: int
    hi: int
    quant: QuantParams

    def __post_init__(self) -> None:
        """Check that codes can say the numbers."""
        zero, dtype = self.quant.zero_point, self.quant.dtype
        require(self.quant.step == 1.0, "a scale of 1")
        require(dtype.qmin <= self.lo + zero <= self.hi + zero <= dtype.qmax, "numbers that are codes")


def elem_count(shape: Shape) -> int:
    """Number of elements of a shape, cut off beyond 2^128: that of a hostile shape takes minutes.

    >>> elem_count((1, 2, 3))
    6
    """
    if 0 in shape:
        return 0
    count = 1
    for size in shape:
        count *= size
        if count >> 128 > 0:
            break
    return count


def freeze(array: Array, dtype: str | np.dtype[np.generic] | None = None) -> Array:
    """A read-only, C-contiguous copy (or the array itself when it is already both)."""
    out = np.ascontiguousarray(array, dtype=dtype).reshape(np.shape(array))
    if out.flags.writeable:
        if out is array or out.base is not None:
            out = out.copy()
        out.flags.writeable = False
    return out
