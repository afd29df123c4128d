"""Operators on integers (QOperator form) as float operators between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from mcuq.ir.types import Array, freeze
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.params import read_scale
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import MICROSOFT

_STATIC = "quantize the model statically (onnxruntime: quantize_static), to QDQ or QLinear operators"
# Operators of quantized models that are known and refused, with the reason.
REFUSED: Mapping[str, str] = {
    "ConvInteger": "its scales are computed at run time",
    "MatMulInteger": "its scales are computed at run time",
    "DynamicQuantizeLinear": "it computes scales at run time",
    f"{MICROSOFT}.DynamicQuantizeMatMul": "it computes scales at run time",
    f"{MICROSOFT}.DynamicQuantizeLSTM": "it computes scales at run time",
    f"{MICROSOFT}.MatMulIntegerToFloat": "its scales are computed at run time",
    f"{MICROSOFT}.MatMulNBits": "its weights have a scale per block",
    f"{MICROSOFT}.QLinearWhere": "it selects between tensors at run time",
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
        readers: know the operators on integers.
        made: names of real tensors by those of their codes, the other way round.
    """

    constants: Constants
    names: Names
    opset: int
    readers: ReaderTable
    made: dict[str, str] = dataclasses.field(default_factory=dict)

    def expand(self, node: OnnxNode) -> list[onnx.NodeProto]:
        """The nodes that do what an integer operator does.

        Raises:
            Refused: M002, M004 or Q005.
        """
        form = self.readers.forms[node.op_type]
        if node.has("channels_last") and node.get_int("channels_last", 0):
            raise unsupported("it has channels_last=1", "export the model before it is optimized for one CPU")
        positions = form.inputs or tuple(range(2, len(node.inputs), 3))
        nodes: list[onnx.NodeProto] = []
        inputs = [self._dequantize(node, form, position, nodes) for position in positions]
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

    def _dequantize(
        self, node: OnnxNode, form: IntegerForm, position: int, nodes: list[onnx.NodeProto]
    ) -> str:
        triple = [node.input(position + offset) or "" for offset in range(3)]
        if not triple[0] or not triple[1]:
            raise Refused("M002", f"input {position} or its scale is missing", "export the model again")
        real = self._real(triple[0])
        name = f"{node.name} [dequantize {position}]"
        made = helper.make_node(
            "DequantizeLinear", triple, [real], name=name, axis=self._axis(node, form, triple[0])
        )
        nodes.append(made)
        return real

    def _axis(self, node: OnnxNode, form: IntegerForm, codes: str) -> int:
        """The axis of the output channels if the codes are weights; else the last one."""
        if codes not in self.constants:
            return 0
        find = self.readers[form.op_type].weight_axis
        axis = -1 if find is None else find(node)
        return axis if axis >= 0 else max(self.constants.value(codes).ndim - 1, 0)

    def _bias(self, node: OnnxNode, form: IntegerForm, nodes: list[onnx.NodeProto]) -> str:
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

    def _attributes(self, node: OnnxNode, form: IntegerForm) -> tuple[list[str], list[onnx.AttributeProto]]:
        """Inputs and attributes of the float operator beside its operands."""
        attributes = [each for each in node.proto.attribute if each.name in form.attributes]
        if form.changed_in is not None:
            given = node.get_int("opset", self.opset)
            if (given < form.changed_in) != (self.opset < form.changed_in):
                why = f"its {form.op_type.lower()} is that of opset {given}"
                raise unsupported(why, f"quantize in opset {self.opset}")
        extra = [name for name, since in form.inputs_since.items() if self.opset >= since]
        names = [self.names.claim(f"{node.output} [{name}]") for name in extra]
        for attribute, name in zip(extra, names, strict=True):
            self.constants.define(name, freeze(np.array(node.get_ints(attribute) or (), np.int64)))
        return names, [each for each in attributes if each.name not in extra]
