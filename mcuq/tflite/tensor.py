"""A tensor of the file, as a plain value."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.types import FLOAT32_MAX, Array, DType, QuantParams, Shape, elem_count, freeze
from mcuq.onnxio.refusal import Refused, quoted

CONVERT_AGAIN = "convert the model again"
# How the bytes of a constant are read; int4 is packed, two in a byte.
_STORED = {
    "FLOAT16": "<f2",
    "FLOAT32": "<f4",
    "FLOAT64": "<f8",
    "INT8": "i1",
    "UINT8": "u1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "BOOL": "?",
}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TfliteTensor:
    """A tensor.

    Args:
        index: in the file.
        name: unique in the graph.
        kind: the schema's name of its type.
        shape: as declared.
        scale: of its quantization, empty for none.
        zero_point: as many.
        axis: of several scales.
        data: the bytes of a constant, None for an activation.
        refusal: why it cannot be used, "" if it can.
        is_variable: whether it keeps its value from run to run; operators that read it change it.
    """

    index: int
    name: str
    kind: str
    shape: Shape
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    data: bytes | memoryview | None = None
    refusal: str = ""
    is_variable: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether the file has its value."""
        return self.data is not None

    @property
    def has_codes(self) -> bool:
        """Whether it is an activation or constant of 8 bits with parameters."""
        return self.kind in ("INT8", "UINT8") and bool(self.scale)

    @property
    def move(self) -> int:
        """What is added to its codes, so that they are int8."""
        return -128 if self.kind == "UINT8" else 0

    def quant(self) -> QuantParams:
        """Parameters of an activation of 8 bits, moved to int8.

        Raises:
            Refused: Q005 or M004.
        """
        if not self.has_codes:
            raise Refused("M004", f"{quoted(self.name)} has type {self.kind} and {len(self.scale)} scales",
                          "convert with int8 or float32 activations")  # fmt: skip
        if len(self.scale) != 1:
            raise Refused("M004", f"{quoted(self.name)} has {len(self.scale)} scales", "use one per tensor")
        check_scales(self)
        zero_point = self.zero_point[0] + self.move
        if not -128 <= zero_point <= 127:
            why = f"the zero point of {quoted(self.name)} is {self.zero_point[0]}"
            raise Refused("Q005", why, CONVERT_AGAIN)
        return QuantParams(self.scale, zero_point, DType.INT8)

    def values(self) -> Array:
        """The stored values of a constant, int4 as int8.

        Raises:
            Refused: M002, M004 or M005.
        """
        assert self.data is not None
        count = elem_count(self.shape)
        packed = self.kind == "INT4"
        if not packed and self.kind not in _STORED:
            raise Refused("M004", f"constant {quoted(self.name)} has type {self.kind}", "use float32 or int8")
        dtype = np.dtype("i1" if packed else _STORED[self.kind])
        needed = -(-count // 2) if packed else count * dtype.itemsize
        if len(self.data) != needed:
            why = f"shape {self.shape} of {self.kind} needs {needed} bytes, the file has {len(self.data)}"
            raise Refused("M002", f"constant {quoted(self.name)}: {why}", CONVERT_AGAIN)
        array = np.frombuffer(self.data, dtype)
        if packed:
            array = _unpacked(array, count)
        array = array.reshape(self.shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            why = f"constant {quoted(self.name)} holds NaN or infinity"
            raise Refused("M005", why, "train or convert the model again")
        return freeze(array)


def check_scales(tensor: TfliteTensor) -> None:
    """Refuse scales and zero points that mean nothing.

    Raises:
        Refused: Q005.
    """
    if not all(0 < scale <= FLOAT32_MAX for scale in tensor.scale):
        bad = next(scale for scale in tensor.scale if not 0 < scale <= FLOAT32_MAX)
        raise Refused("Q005", f"a scale of {quoted(tensor.name)} is {bad}", CONVERT_AGAIN)
    if len(tensor.zero_point) != len(tensor.scale):
        why = f"{quoted(tensor.name)} has {len(tensor.scale)} scales and {len(tensor.zero_point)} zero points"
        raise Refused("Q005", why, CONVERT_AGAIN)


def _unpacked(packed: Array, count: int) -> Array:
    """Two int4 of a byte, the low half first."""
    halves = np.stack([np.left_shift(packed, 4) >> 4, packed >> 4], axis=1)
    return np.asarray(halves.reshape(-1)[:count])
