"""An ONNX graph under construction, with every tensor in the layout it is needed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import Array, Shape
from mcuq.onnxio.standard import TO_NCHW, TO_NHWC

# Old enough for every onnxruntime in use, new enough for every operator written.
OPSET = 17
IR_VERSION = 8
# The first whose QuantizeLinear has int16 and int4, and the format's version with it.
WIDE_OPSET = 21
WIDE_IR_VERSION = 10
# Of domains beside ONNX's own.
DOMAIN_VERSIONS = MappingProxyType({"ai.onnx.ml": 3})

Attribute = int | float | str | Sequence[int] | Sequence[float] | Sequence[str]


class OnnxWriter:
    """Writes nodes and remembers under which name each tensor exists, as on the device and as NCHW.

    Args:
        graph: the graph being written.
        reserved: names that inputs and outputs of the ONNX model have.
    """

    def __init__(self, graph: Graph, reserved: set[str]) -> None:
        """Start with no nodes."""
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.opset = OPSET
        self._reserved = reserved
        self._count = 0
        self._device: dict[str, str] = {}
        self._nchw: dict[str, str] = {}

    def fresh(self) -> str:
        """A free ONNX name; names of the graph are arbitrary text and are not used inside."""
        while True:
            self._count += 1
            name = f"t{self._count}"
            if name not in self._reserved:
                return name

    def shape(self, tensor: str) -> Shape:
        """The device shape of a tensor of the graph."""
        return self.graph.tensors[tensor].shape

    def node(self, op_type: str, inputs: Sequence[str], **attrs: Attribute) -> str:
        """Add a node.

        Returns:
            The name of its output.
        """
        return self.several(op_type, inputs, 1, **attrs)[0]

    def several(self, op_type: str, inputs: Sequence[str], count: int, **attrs: Attribute) -> list[str]:
        """Add a node with several outputs.

        Returns:
            Their names.
        """
        outputs, name = [self.fresh() for _ in range(count)], f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, list(inputs), outputs, name=name, **attrs))
        return outputs

    def loop(
        self, states: Sequence[str], sequence: str, element: Callable[[list[str], str], list[str]]
    ) -> list[str]:
        """Add a loop over the first axis of a tensor.

        Args:
            states: what it begins with.
            sequence: what it goes through.
            element: adds the nodes of one element, for names of the states before it and of the element;
                returns those of the states behind it, and one of what the loop gives for it.

        Returns:
            The names of the last states and of what the loop gives.
        """
        outside, self.nodes = self.nodes, []
        inputs = [self.fresh() for _ in (*states, sequence)]
        outputs = element(inputs[:-1], inputs[-1])
        infos = [
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names]
            for names in (inputs, outputs)
        ]
        body = helper.make_graph(self.nodes, "element", *infos)
        self.nodes = outside
        found, name = [self.fresh() for _ in outputs], f"n{len(self.nodes)}"
        node = helper.make_node("Scan", [*states, sequence], found, name=name, body=body, num_scan_inputs=1)
        self.nodes.append(node)
        return found

    def publish(self, x: str, name: str) -> None:
        """Return a tensor from the model under a name."""
        self.nodes.append(helper.make_node("Identity", [x], [name], name=f"n{len(self.nodes)}"))

    def constant(self, array: Array) -> str:
        """Add an initializer; floats become float32."""
        name = self.fresh()
        if array.dtype.kind == "f":
            array = array.astype(np.float32)
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def mean(self, x: str, axes: Sequence[int]) -> str:
        """Add a ReduceMean, whose axes are an input from opset 18 on."""
        if self.opset < 18:
            return self.node("ReduceMean", [x], axes=axes)
        return self.node("ReduceMean", [x, self.constant(np.array(axes, np.int64))])

    def reshape(self, x: str, shape: Shape) -> str:
        """Add a Reshape."""
        return self.node("Reshape", [x, self.constant(np.array(shape, np.int64))])

    def transpose(self, x: str, shape: Shape, perm: tuple[int, ...]) -> str:
        """Add a Transpose, or the Reshape that does the same where only axes of size 1 move."""
        moved = [axis for axis in perm if shape[axis] != 1]
        if moved == sorted(moved):
            return self.reshape(x, tuple(shape[axis] for axis in perm))
        return self.node("Transpose", [x], perm=perm)

    def define(self, tensor: str, name: str, *, is_nchw: bool = False) -> None:
        """Say under which ONNX name a tensor exists in one of its layouts."""
        (self._nchw if is_nchw else self._device)[tensor] = name

    def has_nchw(self, tensor: str) -> bool:
        """Whether a tensor exists as NCHW without a transpose."""
        return tensor in self._nchw

    def device(self, tensor: str) -> str:
        """The ONNX name of a tensor in device layout."""
        if tensor not in self._device:
            if tensor in self.graph.constants:
                self._device[tensor] = self.constant(self.graph.constants[tensor])
            else:
                n, h, w, c = self.shape(tensor)
                self._device[tensor] = self.transpose(self._nchw[tensor], (n, c, h, w), TO_NHWC)
        return self._device[tensor]

    def nchw(self, tensor: str) -> str:
        """The ONNX name of a tensor with four axes as NCHW."""
        if tensor not in self._nchw:
            self._nchw[tensor] = self.transpose(self.device(tensor), self.shape(tensor), TO_NCHW)
        return self._nchw[tensor]

    def as_stored(self, tensor: str) -> tuple[str, bool]:
        """The ONNX name of a tensor in a layout that it exists in, and whether that is NCHW."""
        is_nchw = self.has_nchw(tensor)
        return self.name(tensor, is_nchw=is_nchw), is_nchw

    def name(self, tensor: str, *, is_nchw: bool) -> str:
        """The ONNX name of a tensor in one of its layouts."""
        return self.nchw(tensor) if is_nchw else self.device(tensor)


# Adds the ONNX nodes of one node of the graph.
NodeWriter = Callable[[OnnxWriter, Node], None]
