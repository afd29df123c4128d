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
from mcuq.ir.types import Shape, elem_count
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.linear import Linear
from mcuq.ops.move import Concat, Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Requantize, Table
from mcuq.ops.unary import Clip
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
        if isinstance(node.op, Transpose):
            self.views[node.output] = _View(x.source, compose(x.perm, node.op.perm))
        elif isinstance(node.op, Add | Mul | Concat):
            self.visit_join(node, node.op)
        elif self.is_plain(x):
            self.rewire(node, (x.source, *node.inputs[1:]))
        elif isinstance(node.op, Reshape):
            self.visit_reshape(node, node.op, x)
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

    def visit_reshape(self, node: Node, op: Reshape, x: _View) -> None:
        """Exchange with a reshape that splits axes or merges neighbours."""
        shape = self.edit.shape(x.source)
        found = reshape_under(shape, x.perm, op.shape)
        if found is not None:
            self.put_before(node, Reshape(found[0]), (x.source,), found[1])
            return
        # Channels stay last if only the axes that the reshape merges are brought together.
        perm = gather_axes(shape, x.perm, op.shape)
        found = reshape_under(permute(shape, perm), compose(invert(perm), x.perm), op.shape)
        if found is None or not is_channels_first(found[1]) or self.gives_way(x.source):
            self.rewire(node, (self.compute(node.inputs[0]),))
            return
        name = self.edit.node_name(node.inputs[0], "transpose")
        source = self.put_transpose(name, x.source, perm, self.edit.derive(node.inputs[0], "nhwc"))
        self.put_before(node, Reshape(found[0]), (source,), found[1])

    def visit_other(self, node: Node, x: _View) -> None:
        """Exchange with an operator that works in any layout or along one axis, else compute its input."""
        inputs = (x.source, *node.inputs[1:])
        op = _under(node.op, x.perm)
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

    def visit_join(self, node: Node, op: Add | Mul | Concat) -> None:
        """Join tensors in the layout in which the fewest values must be moved."""
        rank = len(self.edit.shape(node.output))
        tensors = [name for name in node.inputs if not self.edit.is_constant(name)]
        perms = list(dict.fromkeys(self.aligned(name, rank).perm for name in tensors))
        perm = min(perms[:MAX_LAYOUTS], key=lambda each: self.cost(tensors, each))
        inputs = tuple(self.operand(name, perm) for name in node.inputs)
        if perm == identity(rank):
            self.rewire(node, inputs)
        else:
            under = Concat(perm[op.axis]) if isinstance(op, Concat) else op
            self.put_before(node, under, inputs, perm)

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
            self.turned[source, wanted] = self.put_transpose(name, source, wanted, output)
        return self.turned[source, wanted]

    def put_reshape(self, tensor: str, shape: Shape) -> str:
        """Add a reshape for an operand."""
        name = self.edit.node_name(tensor, "reshape")
        return self.edit.put(Node(name, Reshape(shape), (tensor,), (self.edit.derive(tensor, "4d"),)))

    def gives_way(self, tensor: str) -> bool:
        """Whether a tensor comes straight from an input or a Linear, which other passes can turn."""
        tensor = input_root(self.edit, tensor)
        node = self.edit.producer(tensor)
        while node is not None and isinstance(node.op, Reshape):
            tensor = node.inputs[0]
            node = self.edit.producer(tensor)
        return tensor in self.free_inputs if node is None else isinstance(node.op, Linear)

    def put_transpose(self, name: str, x: str, perm: Perm, output: str) -> str:
        """Add a transpose, or the reshape that does the same."""
        shape = self.edit.shape(x)
        op: Op = Reshape(permute(shape, perm)) if is_reshape(shape, perm) else Transpose(perm)
        return self.edit.put(Node(name, op, (x,), (output,)))

    def compute(self, tensor: str) -> str:
        """The tensor itself, computed from what it is a view of."""
        view = self.view(tensor)
        if self.is_plain(view):
            return view.source
        old = self.edit.producer(tensor)
        is_transpose = old is not None and isinstance(old.op, Transpose)
        name = cast(Node, old).name if is_transpose else self.edit.node_name(tensor, "transpose")
        self.views[tensor] = _View(tensor, identity(len(view.perm)))
        return self.put_transpose(name, view.source, view.perm, tensor)

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


def _under(op: Op, perm: Perm) -> Op | None:
    """The operator that does before a transpose what `op` does after it; None where there is none."""
    if isinstance(op, Clip | Table | Requantize):
        return op
    if isinstance(op, Slice):
        order = invert(perm)
        return Slice(permute(op.starts, order), permute(op.stops, order), permute(op.steps, order))
    if isinstance(op, Affine):
        return Affine(perm[op.axis])
    if isinstance(op, Pad):
        return Pad(permute_pads(op.pads, invert(perm)), op.value)
    if isinstance(op, Linear | Softmax) and perm[-1] == len(perm) - 1:
        return op
    return None


def permute_pads(pads: tuple[tuple[int, int], ...], perm: Perm) -> tuple[tuple[int, int], ...]:
    """Pads per axis after a transpose."""
    return tuple(pads[axis] for axis in perm)
