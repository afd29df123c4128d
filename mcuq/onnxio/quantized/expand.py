"""Operators on integers (QOperator form) as float operators between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from mcuq.ir.types import Array, freeze
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.params import read_scale
from mcuq.onnxio.refusal import Refused, unsupported

MS = "com.microsoft"
_WINDOW = ("auto_pad", "kernel_shape", "pads", "strides")


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How an integer operator is put together.

    Args:
        op_type: the float operator.
        inputs: positions of codes, each followed by scale and zero point.
        output: position of the output's scale, followed by its zero point.
        attributes: those that the float operator has too.
        bias: position of int32 codes whose scale is the product of the inputs'.
    """

    op_type: str
    inputs: tuple[int, ...]
    output: int
    attributes: tuple[str, ...] = ()
    bias: int | None = None


_CONV = Form("Conv", (0, 3), 6, (*_WINDOW, "dilations", "group"), bias=8)
_POOL = (*_WINDOW, "ceil_mode", "count_include_pad")

FORMS: Mapping[str, Form] = {
    "QLinearConv": _CONV,
    f"{MS}.QLinearConv": _CONV,
    "QLinearMatMul": Form("MatMul", (0, 3), 6),
    f"{MS}.QGemm": Form("Gemm", (0, 3), 7, ("alpha", "transA", "transB"), bias=6),
    f"{MS}.QLinearAdd": Form("Add", (0, 3), 6),
    f"{MS}.QLinearMul": Form("Mul", (0, 3), 6),
    f"{MS}.QLinearAveragePool": Form("AveragePool", (0,), 3, _POOL),
    f"{MS}.QLinearGlobalAveragePool": Form("GlobalAveragePool", (0,), 3),
    f"{MS}.QLinearReduceMean": Form("ReduceMean", (0,), 3, ("axes", "keepdims")),
    f"{MS}.QLinearLeakyRelu": Form("LeakyRelu", (0,), 3, ("alpha",)),
    f"{MS}.QLinearSigmoid": Form("Sigmoid", (0,), 3),
    f"{MS}.QLinearSoftmax": Form("Softmax", (0,), 3, ("axis",)),
    f"{MS}.QLinearConcat": Form("Concat", (), 0, ("axis",)),
}

_STATIC = "quantize the model statically (onnxruntime: quantize_static), to QDQ or QLinear operators"
# Operators of quantized models that are known and refused, with the reason.
REFUSED: Mapping[str, str] = {
    "ConvInteger": "its scales are computed at run time",
    "MatMulInteger": "its scales are computed at run time",
    "DynamicQuantizeLinear": "it computes scales at run time",
    f"{MS}.DynamicQuantizeMatMul": "it computes scales at run time",
    f"{MS}.DynamicQuantizeLSTM": "it computes scales at run time",
    f"{MS}.MatMulIntegerToFloat": "its scales are computed at run time",
    f"{MS}.MatMulNBits": "its weights have a scale per block",
    f"{MS}.QLinearWhere": "it selects between tensors at run time",
}


def refuse_dynamic(node: OnnxNode) -> None:
    """Refuse operators of dynamic quantization.

    Raises:
        Refused: M004.
    """
    if node.op_type in REFUSED:
        raise unsupported(REFUSED[node.op_type], _STATIC)


@dataclasses.dataclass
class Expander:
    """Rewrites integer operators.

    Args:
        constants: of the file.
        names: of the file; new ones are claimed.
        opset: of the file.
        made: names of real tensors by those of their codes, the other way round.
    """

    constants: Constants
    names: Names
    opset: int
    made: dict[str, str] = dataclasses.field(default_factory=dict)

    def expand(self, node: OnnxNode) -> list[onnx.NodeProto]:
        """The nodes that do what an integer operator does.

        Raises:
            Refused: M002, M004 or Q005.
        """
        form = FORMS[node.op_type]
        if node.has("channels_last") and node.get_int("channels_last", 0):
            raise unsupported("it has channels_last=1", "export the model before it is optimized for one CPU")
        positions = form.inputs or tuple(range(2, len(node.inputs), 3))
        nodes: list[onnx.NodeProto] = []
        inputs = [self._dequantize(node, position, nodes) for position in positions]
        if form.bias is not None and node.input(form.bias) is not None:
            inputs.append(self._bias(node, form, nodes))
        extra, attributes = self._attributes(node, form)
        has_codes = node.input(form.output) is not None
        y = self._real(node.output) if has_codes else node.output
        nodes.append(helper.make_node(form.op_type, [*inputs, *extra], [y], name=node.name))
        nodes[-1].attribute.extend(attributes)
        if has_codes:
            scale = node.input(form.output) or ""
            zero = node.input(form.output + 1) or self._zero(node, positions)
            name = f"{node.name} [quantize]"
            nodes.append(helper.make_node("QuantizeLinear", [y, scale, zero], [node.output], name=name))
        return nodes

    def _real(self, codes: str) -> str:
        """A name for the real values of codes."""
        real = self.names.claim(f"{codes} [real]")
        self.made[real] = codes
        return real

    def _zero(self, node: OnnxNode, positions: tuple[int, ...]) -> str:
        """Zero of the inputs' type, for an output whose zero point is left out."""
        given = [node.input(position + 2) for position in positions]
        if not node.proto.domain or not given or given[0] is None:
            raise Refused("M002", "the output's zero point is missing", "export the model again")
        name = self.names.claim(f"{node.output} [zero point]")
        self.constants.define(name, freeze(np.zeros((), self.constants.value(given[0]).dtype)))
        return name

    def _dequantize(self, node: OnnxNode, position: int, nodes: list[onnx.NodeProto]) -> str:
        triple = [node.input(position + offset) or "" for offset in range(3)]
        if not triple[0] or not triple[1]:
            raise Refused("M002", f"input {position} or its scale is missing", "export the model again")
        real = self._real(triple[0])
        name = f"{node.name} [dequantize {position}]"
        made = helper.make_node(
            "DequantizeLinear", triple, [real], name=name, axis=self._axis(node, triple[0])
        )
        nodes.append(made)
        return real

    def _axis(self, node: OnnxNode, codes: str) -> int:
        """The axis of the output channels if the codes are weights."""
        if node.op_type.endswith("QLinearConv") or codes not in self.constants:
            return 0
        if node.op_type == f"{MS}.QGemm":
            return 0 if node.get_int("transB", 0) else 1
        return max(self.constants.value(codes).ndim - 1, 0)

    def _bias(self, node: OnnxNode, form: Form, nodes: list[onnx.NodeProto]) -> str:
        """The bias, whose scale no input gives: it is the product of the inputs' scales."""
        x, w = (node.input(position + 1) or "" for position in form.inputs)
        product: Array = read_scale(self.constants.value(x), x) * read_scale(self.constants.value(w), w)
        if node.has("alpha"):
            product = (product * np.float32(node.get_float("alpha", 1.0))).astype(np.float32)
        bias = node.input(form.bias or 0) or ""
        scale = self.names.claim(f"{bias} [scale]")
        self.constants.define(scale, freeze(product if product.size > 1 else product.reshape(())))
        real = self._real(bias)
        name = f"{node.name} [dequantize bias]"
        nodes.append(helper.make_node("DequantizeLinear", [bias, scale], [real], name=name, axis=0))
        return real

    def _attributes(self, node: OnnxNode, form: Form) -> tuple[list[str], list[onnx.AttributeProto]]:
        """Inputs and attributes of the float operator beside its operands."""
        attributes = [each for each in node.proto.attribute if each.name in form.attributes]
        if form.op_type == "Softmax":
            given = node.get_int("opset", self.opset)
            if (given < 13) != (self.opset < 13):
                raise unsupported(f"its softmax is that of opset {given}", f"quantize in opset {self.opset}")
        if form.op_type == "ReduceMean" and self.opset >= 18:
            axes = self.names.claim(f"{node.output} [axes]")
            self.constants.define(axes, freeze(np.array(node.get_ints("axes") or (), np.int64)))
            return [axes], [each for each in attributes if each.name != "axes"]
        return [], attributes
