"""A node of the ONNX file with typed access to its attributes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from mcuq.ir.types import FLOAT32_MAX
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.onnxio.tensors import to_array


@dataclasses.dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node of the model.

    Args:
        index: position in the file.
        op_type: the operator, qualified where the domain is not ONNX's own.
        name: the node's name, or one made from operator and position.
        inputs: tensor names, "" where an optional input is left out.
        outputs: tensor names, "" where an optional output is left out.
        proto: the node as stored.
    """

    index: int
    op_type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: onnx.NodeProto

    @property
    def where(self) -> str:
        """The node as messages name it."""
        return f"node #{self.index} {self.op_type} {quoted(self.name)}"

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]

    @property
    def has_graphs(self) -> bool:
        """Whether graphs stand inside the node, as the branches of If."""
        return any(each.HasField("g") or len(each.graphs) for each in self.proto.attribute)

    def input(self, index: int) -> str | None:
        """The name of an input, None where it is left out."""
        return (self.inputs[index] or None) if index < len(self.inputs) else None

    def attribute(self, name: str) -> onnx.AttributeProto | None:
        """The attribute as stored, None where it is not given."""
        for found in self.proto.attribute:
            if found.name == name:
                if found.ref_attr_name:
                    raise Refused("M002", f"attribute {quoted(name)} refers to a function", "export again")
                return found
        return None

    def has(self, name: str) -> bool:
        """Whether the attribute is given."""
        return self.attribute(name) is not None

    def _typed(self, name: str, kind: int) -> onnx.AttributeProto | None:
        found = self.attribute(name)
        if found is not None and found.type != kind:
            expected = onnx.AttributeProto.AttributeType.Name(kind)
            raise Refused(
                "M002",
                f"attribute {quoted(name)} has type {found.type}, the standard says {expected}",
                "export the model again",
            )
        return found

    def get_int(self, name: str, default: int) -> int:
        """An integer attribute."""
        found = self._typed(name, onnx.AttributeProto.INT)
        return default if found is None else int(found.i)

    def get_ints(self, name: str) -> tuple[int, ...] | None:
        """A list of integers, None where it is not given."""
        found = self._typed(name, onnx.AttributeProto.INTS)
        return None if found is None else tuple(int(value) for value in found.ints)

    def get_float(self, name: str, default: float) -> float:
        """A float attribute."""
        found = self._typed(name, onnx.AttributeProto.FLOAT)
        return default if found is None else float(found.f)

    def get_finite(self, name: str, default: float) -> float:
        """A float attribute that is neither infinite nor NaN."""
        value = self.get_float(name, default)
        if not math.isfinite(value):
            raise Refused("M005", f"attribute {quoted(name)} is {value}", "export the model again")
        return value

    def get_floats(self, name: str) -> tuple[float, ...] | None:
        """A list of floats without infinity and NaN, None where it is not given."""
        found = self._typed(name, onnx.AttributeProto.FLOATS)
        if found is None:
            return None
        values = tuple(float(value) for value in found.floats)
        if not all(map(math.isfinite, values)):
            raise Refused("M005", f"attribute {quoted(name)} is not finite", "export the model again")
        return values

    def get_numbers(self, name: str) -> tuple[float, ...] | None:
        """Finite float32 numbers: a list, or a tensor under the same name or with `_as_tensor` behind it.

        Raises:
            Refused: M002, M004, M005, M011.
        """
        for each in (name, f"{name}_as_tensor"):
            found = self.attribute(each)
            if found is None or found.type != onnx.AttributeProto.TENSOR:
                continue
            if found.t.data_location == onnx.TensorProto.EXTERNAL:
                why = f"attribute {quoted(each)} lies in another file"
                raise Refused("M004", why, "store it inside the model")
            array = to_array(found.t, Path())
            if array.dtype.kind not in "iuf":
                raise Refused(
                    "M002", f"attribute {quoted(each)} holds {array.dtype}", "export the model again"
                )
            values = array.astype(np.float64).reshape(-1)
            if not (np.abs(values) <= FLOAT32_MAX).all():
                why = f"attribute {quoted(each)} is not finite in float32"
                raise Refused("M005", why, "export the model again")
            return tuple(values.tolist())
        return self.get_floats(name)

    def get_string(self, name: str, default: str) -> str:
        """A text attribute."""
        found = self._typed(name, onnx.AttributeProto.STRING)
        return default if found is None else bytes(found.s).decode("utf-8", "replace")


def make_node(index: int, proto: onnx.NodeProto) -> OnnxNode:
    """Wrap a stored node."""
    if proto.domain == "ai.onnx":  # the long name of ONNX's own domain
        named, proto = proto, onnx.NodeProto()
        proto.CopyFrom(named)
        proto.domain = ""
    op_type = f"{proto.domain}.{proto.op_type}" if proto.domain else str(proto.op_type)
    return OnnxNode(
        index,
        op_type,
        str(proto.name) or f"{op_type}_{index}",
        tuple(str(name) for name in proto.input),
        tuple(str(name) for name in proto.output),
        proto,
    )


def changed_node(node: OnnxNode, inputs: Sequence[str], outputs: Sequence[str]) -> OnnxNode:
    """A node with the attributes of another one."""
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    del proto.input[:], proto.output[:]
    proto.input.extend(inputs)
    proto.output.extend(outputs)
    return make_node(node.index, proto)


def fresh_node(
    op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: int | float | str | list[int]
) -> OnnxNode:
    """A node that stands in no file, for readers of other formats whose operators are also ONNX's."""
    return make_node(0, helper.make_node(op_type, inputs, outputs, name=outputs[0], **attributes))
