"""Quantized ONNX models built by hand, in the forms of several exporters."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.small_models import Net

NP = {name: np.dtype(name) for name in ("int8", "uint8", "int16", "uint16", "int32")}


class QNet(Net):
    """A `Net` with quantization; scales are remembered by the tensor they belong to."""

    def scale(self, value: object) -> str:
        return self.const(np.asarray(value, np.float32))

    def zero(self, value: object, dtype: str = "int8") -> str:
        return self.const(np.asarray(value, NP[dtype]))

    def q(self, x: str, scale: object, zero: object = 0, dtype: str = "int8", **attrs: object) -> str:
        return self.add("QuantizeLinear", x, self.scale(scale), self.zero(zero, dtype), **attrs)

    def dq(self, x: str, scale: object, zero: object = 0, dtype: str = "int8", **attrs: object) -> str:
        return self.add("DequantizeLinear", x, self.scale(scale), self.zero(zero, dtype), **attrs)

    def pair(self, x: str, scale: object, zero: object = 0, dtype: str = "int8") -> str:
        return self.dq(self.q(x, scale, zero, dtype), scale, zero, dtype)

    def weights(
        self, shape: tuple[int, ...], scale: object, axis: int = 0, dtype: str = "int8", zero: object = None
    ) -> str:
        """Random int8 codes behind DequantizeLinear."""
        info = np.iinfo(NP[dtype])
        codes = self.rng.integers(max(info.min, -127), info.max + 1, shape).astype(NP[dtype])
        zeros = np.zeros(np.shape(scale)) if zero is None else zero
        return self.dq(self.const(codes), scale, zeros, dtype, axis=axis)

    def bias(self, scale: object, count: int) -> str:
        """Random int32 codes behind DequantizeLinear."""
        codes = self.const(self.rng.integers(-5000, 5000, count).astype(np.int32))
        return self.dq(codes, scale, np.zeros(np.shape(scale)), "int32", axis=0)

    def int4(self, codes: np.ndarray, name: str, kind: str = "INT4") -> str:
        tensor = helper.make_tensor(name, getattr(TensorProto, kind), codes.shape, codes.reshape(-1).tolist())
        self.initializers.append(tensor)
        return name


def random_scales(rng: np.random.Generator, count: int, around: float = 0.01) -> np.ndarray:
    """Float32 scales that are no powers of two."""
    return (around * rng.uniform(0.5, 2.0, count)).astype(np.float32)


def initializer(model: object, name: str) -> np.ndarray:
    (found,) = [each for each in model.graph.initializer if each.name == name]
    return numpy_helper.to_array(found)
