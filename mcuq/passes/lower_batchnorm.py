"""Turns scales and shifts that nothing could fold into depthwise convolutions of one tap."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.expression import X
from mcuq.ir.graph import Graph, Node
from mcuq.ir.layout import Perm, identity, invert, permute
from mcuq.ir.op import Op
from mcuq.ir.types import Shape
from mcuq.ops.affine import Affine
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.move import Reshape, Transpose
from mcuq.ops.table import Table
from mcuq.ops.window import Window
from mcuq.passes.absorb_input_transposes import input_root
from mcuq.passes.edit import GraphEdit
from mcuq.passes.fold_batchnorm import channel_values
from mcuq.passes.fuse_tables import scaled
from mcuq.passes.hoist_elementwise import is_uniform


def lower_batchnorm(graph: Graph) -> Graph:
    """Make a Table of every Affine that does the same to all channels, and a 1x1 depthwise Conv2d of others.

    Where the channels are not the last axis, transposes are put around it for other passes to absorb;
    where there are no four axes, reshapes. A scale alone, or a shift alone, along another axis of a tensor
    that no input can turn is a Mul or an Add of a constant.
    """
    edit = GraphEdit(graph)
    for node in edit.sweep():
        if isinstance(node.op, Affine) and is_uniform(edit, node):
            edit.replace(node, Table(scaled(edit, node, X)), node.inputs[:1])
        elif isinstance(node.op, Affine) and not _lower_to_operand(edit, node, node.op):
            _lower(edit, node, node.op)
    return edit.finish()


def _lower_to_operand(edit: GraphEdit, node: Node, op: Affine) -> bool:
    rank = len(edit.shape(node.output))
    is_input = edit.producer(input_root(edit, node.inputs[0])) is None
    scale, shift = (edit.array(name) for name in node.inputs[1:])
    is_scale, is_shift = bool(np.any(scale != 1)), bool(np.any(shift != 0))
    if op.axis == rank - 1 or is_input or (is_scale and is_shift):
        return False
    shape = (-1, *[1] * (rank - 1 - op.axis))
    constant = edit.constant(node.inputs[1 if is_scale else 2], (scale if is_scale else shift).reshape(shape))
    edit.replace(node, Mul() if is_scale else Add(), (node.inputs[0], constant))
    return True


def _lower(edit: GraphEdit, node: Node, op: Affine) -> None:
    shape = edit.shape(node.output)
    rank = len(shape)
    channels = shape[op.axis]
    perm = (*(other for other in range(rank) if other != op.axis), op.axis)
    turned = permute(shape, perm)
    image = turned if rank == 4 else (1, 1, math.prod(turned[:-1]), channels)
    scale, shift = (channel_values(edit, name, channels) for name in node.inputs[1:])
    w = edit.constant(f"{node.inputs[1]} [weights]", np.asarray(scale.reshape(channels, 1, 1, 1)))
    b = edit.constant(f"{node.inputs[2]} [bias]", np.asarray(shift))
    conv: tuple[Op, tuple[str, ...]] = (Conv2d(Window((1, 1)), groups=channels), (w, b))
    chain = [*_view(shape, perm, image), conv, *_unview(turned, perm, image)]
    x = node.inputs[0]
    for index, (each, constants) in enumerate(chain):
        is_last = index == len(chain) - 1
        output = node.output if is_last else edit.derive(x if each is not conv[0] else node.output, "4d")
        name = node.name if each is conv[0] else edit.node_name(node.name, each.kind)
        x = edit.put(Node(name, each, (x, *constants), (output,)))


def _view(shape: Shape, perm: Perm, image: Shape) -> list[tuple[Op, tuple[str, ...]]]:
    """What brings the tensor to NHWC."""
    steps: list[tuple[Op, tuple[str, ...]]] = []
    if perm != identity(len(perm)):
        steps.append((Transpose(perm), ()))
    if image != permute(shape, perm):
        steps.append((Reshape(image), ()))
    return steps


def _unview(turned: Shape, perm: Perm, image: Shape) -> list[tuple[Op, tuple[str, ...]]]:
    """What undoes `_view`."""
    steps: list[tuple[Op, tuple[str, ...]]] = []
    if image != turned:
        steps.append((Reshape(turned), ()))
    if perm != identity(len(perm)):
        steps.append((Transpose(invert(perm)), ()))
    return steps
