"""Moves transposes towards the outputs, where they cancel, become reshapes or meet what needs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import cast

from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import (
    Perm,
    compose,
    gather_axes,
    identity,
    invert,
    is_channels_first,
    is_reshape,
    permute,
    reshape_under,
)
from mcuq.ir.op import Op
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Shape, elem_count
from mcuq.passes.absorb_input_transposes import input_root
from mcuq.passes.along_axis import along_axis
from mcuq.passes.edit import GraphEdit

# Operands of one operator in more layouts than these do not occur; the bound keeps hostile files linear.
MAX_LAYOUTS = 8


@dataclasses.dataclass(frozen=True, slots=True)
class _View:
    """A tensor that is not computed: `source` transposed by `perm`."""

    source: str
    perm: Perm


def move_transposes(graph: Graph) -> Graph:
    """Let every operator that can work in any layout work before the transposes in front of it.

    Transposes are followed and not computed; one is put into the graph only where an operator needs the
    layout: as a Reshape where it moves axes of size 1 only. Outputs take them into `Port.perm`.
    """
    mover = _Mover(GraphEdit(graph))
    for node in mover.edit.sweep():
        mover.visit(node)
    mover.absorb_outputs()
    return mover.edit.finish()


class _Mover:
    """One sweep over the graph."""

    def __init__(self, edit: GraphEdit) -> None:
        self.edit = edit
        self.views: dict[str, _View] = {}
        self.turned: dict[tuple[str, Perm], str] = {}
        self.free_inputs = {
            port.tensor for port in edit.inputs if port.perm == identity(len(port.perm))
        }  # fmt: skip

    def view(self, tensor: str) -> _View:
        """What a tensor is a transpose of; often itself."""
        found = self.views.get(tensor)
        return found or _View(tensor, identity(len(self.edit.shape(tensor))))

    def is_plain(self, view: _View) -> bool:
        """Whether the source is the tensor."""
        return view.perm == identity(len(view.perm))

    def visit(self, node: Node) -> None:
        """Exchange a node with the transposes in front of it, or compute them."""
        x = self.view(node.inputs[0])
        perm = node.op.permutation
        if perm is not None:
            self.views[node.output] = _View(x.source, compose(x.perm, perm))
        elif node.op.is_join:
            self.visit_join(node)
        elif self.is_plain(x):
            self.rewire(node, (x.source, *node.inputs[1:]))
        elif node.op.is_view:
            self.visit_view(node, x)
        else:
            self.visit_other(node, x)

    def rewire(self, node: Node, inputs: tuple[str, ...]) -> None:
        """Change a node's inputs if they differ."""
        if inputs != node.inputs:
            self.edit.rewire(node, inputs)

    def put_before(self, node: Node, op: Op, inputs: tuple[str, ...], perm: Perm) -> None:
        """Compute a node in the layout of its input; its output is a view of the result."""
        output = self.edit.put(Node(node.name, op, inputs, (self.edit.derive(node.output, "nhwc"),)))
        self.views[node.output] = _View(output, perm)

    def put_view_before(self, node: Node, x: str, shape: Shape, perm: Perm) -> None:
        """Reshape a tensor; the output of a node is a view of the result."""
        output = self.edit.become_view(node, x, shape, self.edit.derive(node.output, "nhwc"))
        self.views[node.output] = _View(output, perm)

    def visit_view(self, node: Node, x: _View) -> None:
        """Exchange with a reshape that splits axes or merges neighbours."""
        shape, new = self.edit.shape(x.source), self.edit.shape(node.output)
        found = reshape_under(shape, x.perm, new)
        if found is not None:
            self.put_view_before(node, x.source, *found)
            return
        # Channels stay last if only the axes that the reshape merges are brought together.
        perm = gather_axes(shape, x.perm, new)
        found = reshape_under(permute(shape, perm), compose(invert(perm), x.perm), new)
        if found is None or not is_channels_first(found[1]) or self.gives_way(x.source):
            self.rewire(node, (self.compute(node.inputs[0]),))
            return
        name = self.edit.node_name(node.inputs[0], "transpose")
        source = self.edit.put_transpose(name, x.source, perm, self.edit.derive(node.inputs[0], "nhwc"))
        self.put_view_before(node, source, *found)

    def visit_other(self, node: Node, x: _View) -> None:
        """Exchange with an operator that works in any layout or along one axis, else compute its input."""
        inputs = (x.source, *node.inputs[1:])
        op = node.op.commute_with_transpose(x.perm)
        if op is not None:
            self.put_before(node, op, inputs, x.perm)
            return
        shape = self.edit.shape(x.source)
        found = None if self.gives_way(x.source) else along_axis(node.op, shape, x.perm)
        if found is None:
            self.rewire(node, (self.compute(node.inputs[0]), *inputs[1:]))
            return
        op, image, result = found
        source = self.put_reshape(x.source, image)
        output = self.edit.put(Node(node.name, op, (source,), (self.edit.derive(node.output, "4d"),)))
        self.views[node.output] = _View(self.put_reshape(output, result), x.perm)

    def visit_join(self, node: Node) -> None:
        """Join tensors as they are, or else in the layout in which the fewest values must be moved."""
        views = [self.view(name) for name in node.inputs]
        absorbed = node.op.absorb_transposes([view.perm for view in views])
        if absorbed is not None:
            sources = tuple(view.source for view in views)
            if sources != node.inputs:
                self.edit.replace(node, absorbed, sources)
            return
        rank = len(self.edit.shape(node.output))
        tensors = [name for name in node.inputs if not self.edit.is_constant(name)]
        perms = list(dict.fromkeys(self.aligned(name, rank).perm for name in tensors))
        perm = min(perms[:MAX_LAYOUTS], key=lambda each: self.cost(tensors, each))
        op = node.op.commute_with_transpose(perm)
        if op is None or perm == identity(rank):
            self.rewire(node, tuple(self.operand(name, identity(rank)) for name in node.inputs))
        else:
            self.put_before(node, op, tuple(self.operand(name, perm) for name in node.inputs), perm)

    def aligned(self, tensor: str, rank: int) -> _View:
        """The view of an operand with axes of size 1 added in front, as broadcasting does."""
        view = self.view(tensor)
        lead = rank - len(view.perm)
        return _View(view.source, (*range(lead), *(axis + lead for axis in view.perm)))

    def aligned_shape(self, tensor: str, rank: int) -> Shape:
        """The shape of a tensor with axes of size 1 added in front."""
        shape = self.edit.shape(tensor)
        return (1,) * (rank - len(shape)) + shape

    def cost(self, tensors: Sequence[str], perm: Perm) -> int:
        """How many values move where all operands get one layout; what other passes can turn is free."""
        total = 0
        for view in (self.aligned(name, len(perm)) for name in tensors):
            shape = self.aligned_shape(view.source, len(perm))
            if not is_reshape(shape, compose(view.perm, invert(perm))) and not self.gives_way(view.source):
                total += elem_count(shape)
        return total

    def operand(self, tensor: str, perm: Perm) -> str:
        """A tensor whose transpose by `perm` is the given one, which may have fewer axes."""
        rank = len(perm)
        if self.edit.is_constant(tensor):
            if perm == identity(rank):
                return tensor
            array = self.edit.array(tensor).reshape(self.aligned_shape(tensor, rank))
            return self.edit.constant(tensor, array.transpose(invert(perm)))
        if perm == identity(rank):
            return self.compute(tensor)
        view = self.aligned(tensor, rank)
        wanted = compose(view.perm, invert(perm))
        shape = self.aligned_shape(view.source, rank)
        source = view.source
        if shape != self.edit.shape(source):
            shape, wanted = (
                (permute(shape, wanted), identity(rank)) if is_reshape(shape, wanted) else (shape, wanted)
            )
            source = self.put_reshape(source, shape)
        if wanted == identity(rank):
            return source
        if wanted == view.perm and rank == len(self.edit.shape(tensor)):
            return self.compute(tensor)
        if (source, wanted) not in self.turned:
            name = self.edit.node_name(tensor, "transpose")
            output = self.edit.derive(tensor, "nhwc")
            self.turned[source, wanted] = self.edit.put_transpose(name, source, wanted, output)
        return self.turned[source, wanted]

    def put_reshape(self, tensor: str, shape: Shape) -> str:
        """Add a reshape for an operand."""
        return self.edit.put_reshape(tensor, tensor, shape, self.edit.derive(tensor, "4d"))

    def gives_way(self, tensor: str) -> bool:
        """Whether a tensor comes from an input or a fully connected layer, which other passes can turn."""
        tensor = self.edit.before_views(input_root(self.edit, tensor))
        node = self.edit.producer(tensor)
        if node is None:
            return tensor in self.free_inputs
        return isinstance(node.op, WeightedOp) and node.op.is_fully_connected

    def compute(self, tensor: str) -> str:
        """The tensor itself, computed from what it is a view of."""
        view = self.view(tensor)
        if self.is_plain(view):
            return view.source
        old = self.edit.producer(tensor)
        is_transpose = old is not None and old.op.permutation is not None
        name = cast(Node, old).name if is_transpose else self.edit.node_name(tensor, "transpose")
        self.views[tensor] = _View(tensor, identity(len(view.perm)))
        return self.edit.put_transpose(name, view.source, view.perm, tensor)

    def absorb_outputs(self) -> None:
        """Let the outputs return sources; the port knows the transpose."""
        for index, port in enumerate(self.edit.outputs):
            view = self.view(port.tensor)
            given = permute(port.model_shape, port.perm)
            found = None
            if given == self.edit.shape(port.tensor):
                found = view.perm
            elif not self.is_plain(view):
                under = reshape_under(self.edit.shape(view.source), view.perm, given)
                found = under and under[1]
            if found is None:
                tensor, perm = self.compute(port.tensor), port.perm
            else:
                tensor, perm = view.source, compose(port.perm, invert(found))
            if (tensor, perm) != (port.tensor, port.perm):
                self.edit.set_output(index, dataclasses.replace(port, tensor=tensor, perm=perm))
