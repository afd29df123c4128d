"""An ONNX graph with QuantizeLinear and DequantizeLinear under construction, from a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from mcuq.ir.graph import Graph, Stage, Tensor
from mcuq.ir.program import Program, Step
from mcuq.ir.types import Array, DType, Float64, QuantParams
from mcuq.onnxio.export.writer import WIDE_OPSET, Attribute, OnnxWriter
from mcuq.onnxio.names import Names


class QdqWriter(OnnxWriter):
    """Writes the steps of a program; tensors go by their index as text, and carry their real values.

    Args:
        program: what is written.
        is_plain: whether other tools are to find nothing but their patterns, at the cost of agreement.
    """

    def __init__(self, program: Program, is_plain: bool) -> None:
        """Reserve the names of inputs and outputs."""
        tensors = {str(i): Tensor(str(i), each.shape) for i, each in enumerate(program.tensors)}
        super().__init__(Graph(Stage.CANONICAL, (), tensors, {}, (), ()), set())
        self.program, self.is_plain = program, is_plain
        self._names = Names()
        self._node_names = Names()
        self._parameters_of: dict[str, tuple[str, str]] = {}
        self._hint = self._scope = ""
        self._main = -1
        self._values: set[str] = set()
        for port in (*program.inputs, *program.outputs):
            self._names.claim(port.name)

    def fresh(self) -> str:
        """A free name, made of what was asked for with `call`."""
        hint, self._hint = self._hint or f"{self._scope}/real", ""
        return self._names.claim(hint)

    def begin(self, scope: str) -> None:
        """Name tensors on the way after the tensor that is computed."""
        self._scope = scope

    def name_last(self, y: str, start: int, name: str) -> str:
        """Name what the last node computes, if it comes after a position and is no other tensor's value."""
        node = self.nodes[-1]
        if len(self.nodes) == start or node.output[0] != y or y in self._values:
            return y
        node.output[0] = self._names.claim(name)
        return str(node.output[0])

    def name_nodes(self, start: int, name: str) -> None:
        """Name the nodes from a position on after a layer."""
        for position, node in enumerate(self.nodes[start:], start):
            is_layer = position == self._main
            node.name = self._node_names.claim(name if is_layer else f"{name}/{node.op_type}")

    def main(self, op_type: str, inputs: Sequence[str], **attrs: Attribute) -> str:
        """Add the node that is the layer; others serve it."""
        y = self.node(op_type, inputs, **attrs)
        self._main = len(self.nodes) - 1
        return y

    def call(self, name: str) -> QdqWriter:
        """Say what the next new tensor is to be called."""
        self._hint = name
        return self

    def quant(self, tensor: str) -> QuantParams:
        """The parameters of a tensor."""
        return self.program.tensors[int(tensor)].quant

    def device(self, tensor: str) -> str:
        """The ONNX name of a tensor in device layout; a view is a reshape of what it is a view of."""
        self._define_view(tensor)
        return super().device(tensor)

    def nchw(self, tensor: str) -> str:
        """The ONNX name of a tensor with four axes as NCHW."""
        self._define_view(tensor)
        return super().nchw(tensor)

    def has_nchw(self, tensor: str) -> bool:
        """Whether a tensor exists as NCHW without a transpose."""
        self._define_view(tensor)
        return super().has_nchw(tensor)

    def _define_view(self, tensor: str) -> None:
        owner = str(self.program.storage(int(tensor)))
        if owner != tensor and not self.is_defined(tensor):
            name = self.program.tensors[int(tensor)].name
            shape = self.constant(np.array(self.shape(tensor), np.int64))
            self.define(tensor, self.call(name).node("Reshape", [self.device(owner), shape]))

    def define(self, tensor: str, name: str, *, is_nchw: bool = False) -> None:
        """Say under which ONNX name a tensor exists in one of its layouts."""
        self._values.add(name)
        super().define(tensor, name, is_nchw=is_nchw)

    def is_defined(self, tensor: str) -> bool:
        """Whether a tensor exists in any layout."""
        return tensor in self._device or tensor in self._nchw

    def pair(self, x: str, quant: QuantParams, name: str) -> str:
        """Quantize and dequantize a tensor; int16 is rounded before opset 21, unless the model is plain."""
        if quant.dtype is DType.INT16 and self.opset < WIDE_OPSET:
            return x if self.is_plain else self._rounded(x, quant)
        return self.dequantized(self.quantized(x, quant, name), quant, name)

    def _rounded(self, x: str, quant: QuantParams) -> str:
        """Real values of codes around zero, which single precision holds exactly."""
        scale, inverse, lo, hi = (
            self.constant(np.array(each, np.float32))
            for each in (quant.step, 1.0 / quant.step, quant.dtype.qmin, quant.dtype.qmax)
        )
        codes = self.node("Clip", [self.node("Round", [self.node("Mul", [x, inverse])]), lo, hi])
        return self.node("Mul", [codes, scale])

    def quantized(self, x: str, quant: QuantParams, name: str) -> str:
        """Add a QuantizeLinear."""
        scale, zero = self._parameters(quant, name)
        return self.call(f"{name}_quantized").node("QuantizeLinear", [x, scale, zero])

    def dequantized(self, codes: str, quant: QuantParams, name: str) -> str:
        """Add a DequantizeLinear."""
        scale, zero = self._parameters(quant, name)
        return self.call(f"{name}_dequantized").node("DequantizeLinear", [codes, scale, zero])

    def _parameters(self, quant: QuantParams, name: str) -> tuple[str, str]:
        key = f"{name} {quant.step.hex()} {quant.zero_point} {quant.dtype.value}"
        if key not in self._parameters_of:
            scale = self.call(f"{name}_scale").constant(np.array(quant.step, np.float32))
            zero = self.call(f"{name}_zero_point").constant(np.array(quant.zero_point, quant.dtype.numpy))
            self._parameters_of[key] = scale, zero
        return self._parameters_of[key]

    def exact(self, array: Float64) -> str:
        """Add an initializer of double precision."""
        name = self.fresh()
        self.initializers.append(numpy_helper.from_array(np.asarray(array, np.float64, order="C"), name))
        return name

    def stored(self, array: Array, dtype: DType | None) -> str:
        """Add an initializer of codes, int4 two in a byte, the first in its low half."""
        if dtype is not DType.INT4:
            return self.constant(array)
        name, halves = self.fresh(), np.append(array.reshape(-1), np.zeros(array.size % 2, np.int8)) & 15
        packed = (halves[::2] | (halves[1::2] << 4)).astype(np.uint8)
        kind = onnx.TensorProto.INT4
        self.initializers.append(
            onnx.TensorProto(name=name, data_type=kind, dims=array.shape, raw_data=packed.tobytes())
        )
        return name

    def codes(
        self, array: Array, scale: Sequence[float], axis: int, name: str, dtype: DType | None = None
    ) -> str:
        """Add a constant of codes with one scale per index of an axis, or one for all, and dequantize it.

        Args:
            array: codes.
            scale: one or several.
            axis: of several scales.
            name: what the constant is called after.
            dtype: in which codes are stored; None: that of the array.
        """
        scales = np.maximum(np.array(scale, np.float32), np.finfo(np.float32).tiny)
        if (scales == scales[0]).all():
            scales = scales[0]
        inputs = [
            self.call(f"{name}_quantized").stored(array, dtype),
            self.call(f"{name}_scale").constant(np.asarray(scales)),
            self.call(f"{name}_zero_point").stored(np.zeros(scales.shape, array.dtype), dtype),
        ]
        attributes = {"axis": axis} if scales.ndim else {}
        return self.call(f"{name}_dequantized").node("DequantizeLinear", inputs, **attributes)


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """What a step computes.

    Args:
        y: the ONNX name of its real values.
        is_nchw: whether they are NCHW.
        is_quantized: whether they are those of codes already, or no real values at all.
        others: the ONNX names of its other outputs, in device layout and quantized.
    """

    y: str
    is_nchw: bool = False
    is_quantized: bool = False
    others: tuple[str, ...] = ()


# Adds the float nodes of one step; the scales are those of its weights, if it has any.
StepWriter = Callable[[QdqWriter, Step, Sequence[float]], Written]
