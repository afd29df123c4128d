"""A graph under change: what the passes have in common."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from mcuq.ir.graph import LAYOUT_ROLES, Graph, Node, Port, Stage, Tensor, make_graph
from mcuq.ir.layout import Perm, is_reshape, permute
from mcuq.ir.op import NodeView, Op, Rewrite
from mcuq.ir.types import Array, Shape, freeze
from mcuq.ops.move import Reshape, Transpose

_LAYOUT = re.compile(rf"( \[({'|'.join(LAYOUT_ROLES)})( \d+)?\])+$")
_FOLDED = re.compile(r" \[folded( \d+)?\]$")


class GraphEdit:
    """A mutable copy of a graph; `finish` makes a graph again.

    Nodes are kept by the tensor they compute.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._by_output = {name: node for node in graph.nodes for name in node.outputs}
        self._tensors = dict(graph.tensors)
        self._constants = dict(graph.constants)
        self._inputs = list(graph.inputs)
        self._outputs = list(graph.outputs)
        self._output_tensors = {port.tensor for port in graph.outputs}
        self._consumers: dict[str, dict[str, None]] = {}
        self._node_names = {node.name for node in graph.nodes}
        self.is_changed = False
        for node in graph.nodes:
            self._link(node)

    def _link(self, node: Node) -> None:
        for name in node.inputs:
            self._consumers.setdefault(name, {})[node.output] = None

    def _unlink(self, node: Node) -> None:
        for name in node.inputs:
            self._consumers[name].pop(node.output, None)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs as they are now."""
        return tuple(self._inputs)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The outputs as they are now."""
        return tuple(self._outputs)

    def sweep(self) -> Iterator[Node]:
        """The nodes the graph had at the start, in order, each as it is when its turn comes."""
        for node in self._graph.nodes:
            current = self._by_output.get(node.output)
            if current is not None:
                yield current

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor."""
        return self._tensors[tensor].shape

    def view(self, node: Node) -> NodeView:
        """What the operator of a node is told about it."""
        shapes = tuple(self._tensors[name].shape for name in node.inputs)
        constants = tuple(self._constants.get(name) for name in node.inputs)
        return NodeView(shapes, self._tensors[node.output].shape, constants)

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor is a constant."""
        return tensor in self._constants

    def is_output(self, tensor: str) -> bool:
        """Whether the model returns a tensor."""
        return tensor in self._output_tensors

    def array(self, tensor: str) -> Array:
        """The value of a constant."""
        return self._constants[tensor]

    def producer(self, tensor: str) -> Node | None:
        """The node that computes a tensor."""
        return self._by_output.get(tensor)

    def consumers(self, tensor: str) -> tuple[Node, ...]:
        """The nodes that read a tensor."""
        return tuple(self._by_output[output] for output in self._consumers.get(tensor, ()))

    def count_readers(self, tensor: str) -> int:
        """How many nodes read a tensor."""
        return len(self._consumers.get(tensor, ()))

    def is_private(self, tensor: str) -> bool:
        """Whether one node reads a tensor and nothing else sees it."""
        return len(self._consumers.get(tensor, ())) == 1 and not self.is_output(tensor)

    def derive(self, tensor: str, role: str) -> str:
        """A free name for a tensor made from another one, `name [role]`; layouts of layouts are not named."""
        tensor = _LAYOUT.sub("", tensor)
        name, number = f"{tensor} [{role}]", 2
        while name in self._tensors:
            name, number = f"{tensor} [{role} {number}]", number + 1
        return name

    def node_name(self, base: str, role: str) -> str:
        """A free name for a node made for another one."""
        name, number = f"{base} [{role}]", 2
        while name in self._node_names:
            name, number = f"{base} [{role} {number}]", number + 1
        self._node_names.add(name)
        return name

    def put(self, node: Node) -> str:
        """Add a node, or replace the one with the same output; infers the shape.

        Returns:
            The tensor it computes.
        """
        shapes = node.op.infer_outputs(*(self._tensors[name].shape for name in node.inputs))
        made = [Tensor(name, shape) for name, shape in zip(node.outputs, shapes, strict=True)]
        old = self._by_output.get(node.output)
        if old == node and all(self._tensors[each.name].shape == each.shape for each in made):
            return node.output
        if old is not None:
            self._unlink(old)
        for each in made:
            self._by_output[each.name] = node
            self._tensors[each.name] = each
        self._node_names.add(node.name)
        self._link(node)
        self.is_changed = True
        return node.output

    def replace(self, node: Node, op: Op, inputs: tuple[str, ...]) -> str:
        """Change what a node does; name and outputs stay."""
        return self.put(Node(node.name, op, inputs, node.outputs))

    def put_reshape(self, base: str, x: str, shape: Shape, output: str) -> str:
        """Add a reshape with a node name made from `base`."""
        return self.put(Node(self.node_name(base, "reshape"), Reshape(shape), (x,), (output,)))

    def put_transpose(self, name: str, x: str, perm: Perm, output: str) -> str:
        """Add a transpose, or the reshape that does the same."""
        shape = self.shape(x)
        op: Op = Reshape(permute(shape, perm)) if is_reshape(shape, perm) else Transpose(perm)
        return self.put(Node(name, op, (x,), (output,)))

    def become_view(self, node: Node, x: str, shape: Shape, output: str) -> str:
        """Reshape a tensor under a node's name."""
        return self.put(Node(node.name, Reshape(shape), (x,), (output,)))

    def become_reshape(self, node: Node, x: str) -> str:
        """Let a node bring a tensor into the shape of its output."""
        return self.replace(node, Reshape(self.shape(node.output)), (x,))

    def before_views(self, tensor: str, *, is_private: bool = False) -> str:
        """The tensor of which another one is only a view; itself, if no reshape computes it.

        Args:
            tensor: any tensor.
            is_private: whether to stop where anything else sees a tensor.
        """
        node = self.producer(tensor)
        while node is not None and node.op.is_view and (self.is_private(tensor) or not is_private):
            tensor = node.inputs[0]
            node = self.producer(tensor)
        return tensor

    def rewritten(self, node: Node, rewrite: Rewrite) -> tuple[str, ...]:
        """The constant inputs of what takes a node's place, added to the graph where they are new."""
        if not rewrite.constants:
            return node.inputs[1:] if rewrite.op.constant_inputs else ()
        return tuple(
            self.constant(f"{node.inputs[index]} [{role}]" if role else node.inputs[index], array)
            for index, role, array in rewrite.constants
        )

    def drop(self, node: Node) -> None:
        """Remove a node."""
        for name in node.outputs:
            del self._by_output[name]
        self._unlink(node)
        self.is_changed = True

    def move_uses(self, old: str, new: str) -> None:
        """Let every consumer of a tensor, and the outputs, read another one of the same shape."""
        for node in self.consumers(old):
            self.rewire(node, tuple(new if name == old else name for name in node.inputs))
        if self.is_output(old):
            for index, port in enumerate(self._outputs):
                if port.tensor == old:
                    self.set_output(index, dataclasses.replace(port, tensor=new))

    def rewire(self, node: Node, inputs: tuple[str, ...]) -> Node:
        """Give a node other inputs; returns the new node."""
        new = dataclasses.replace(node, inputs=inputs)
        self._unlink(node)
        self._by_output.update(dict.fromkeys(node.outputs, new))
        self._link(new)
        self.is_changed = True
        return new

    def constant(self, name: str, array: Array) -> str:
        """Add a constant under a name made from that of the constant it replaces."""
        name = self.derive(_FOLDED.sub("", name), "folded")
        self._tensors[name] = Tensor(name, tuple(array.shape))
        return self.set_constant(name, array)

    def set_constant(self, name: str, array: Array) -> str:
        """Replace the value of a constant."""
        self._constants[name] = freeze(array)
        self.is_changed = True
        return name

    def add_input_tensor(self, name: str, shape: Shape) -> str:
        """Add a tensor that an input port fills."""
        self._tensors[name] = Tensor(name, shape)
        return name

    def set_input(self, index: int, port: Port) -> None:
        """Replace an input port."""
        self._inputs[index] = port
        self.is_changed = True

    def set_output(self, index: int, port: Port) -> None:
        """Replace an output port."""
        self._outputs[index] = port
        self._output_tensors = {port.tensor for port in self._outputs}
        self.is_changed = True

    def finish(self, stage: Stage | None = None) -> Graph:
        """The changed graph, or the very graph the edit began with when nothing changed."""
        if not self.is_changed and stage in (None, self._graph.stage):
            return self._graph
        return make_graph(
            stage or self._graph.stage,
            [node for name, node in self._by_output.items() if name == node.output],
            self._tensors,
            self._constants,
            self._inputs,
            self._outputs,
        )


def sole_consumer(edit: GraphEdit, tensor: str) -> Node | None:
    """The one node that reads a tensor which nothing else sees."""
    return edit.consumers(tensor)[0] if edit.is_private(tensor) else None
