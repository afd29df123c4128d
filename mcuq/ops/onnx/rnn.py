"""Elman's recurrent layers."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.recurrent import (
    Direction,
    define_outputs,
    read_clip,
    read_layers,
    write_layer,
    write_state,
)
from mcuq.ops.onnx.sequences import read_each
from mcuq.ops.rnn import Rnn, RnnStep


def read_rnn(ctx: ImportContext, node: OnnxNode) -> None:
    """RNN over up to 16 sequences of constant lengths, every direction and layout, with tanh."""
    read_each(ctx, node, _read_one)


def _read_one(ctx: ImportContext, node: OnnxNode) -> None:
    """One sequence of full length."""
    clip = read_clip(node)
    layout, layers = read_layers(ctx, node, 1, ("Tanh",), (5,))
    define_outputs(ctx, node, layout, layers, [_emit(ctx, layer, clip) for layer in layers])


def _emit(ctx: ImportContext, layer: Direction, clip: float) -> str:
    """Add one direction; the name of its hidden states."""
    constants = (
        layer.store(ctx, layer.w, "W"),
        layer.store(ctx, layer.x_bias + layer.h_bias, "B"),
        layer.store(ctx, layer.r, "R"),
    )
    states = tuple(name for name in layer.states if name is not None)
    op = Rnn(layer.is_reverse, clip)
    return ctx.emit(op, (layer.x, *constants, *states), ctx.temporary(layer.output, "hidden"))


def write_rnn(writer: OnnxWriter, node: Node) -> None:
    """RNN of one direction."""
    op = node.op
    assert isinstance(op, Rnn)
    x, w, b, r, *states = node.inputs
    constants = writer.graph.constants
    bias = np.concatenate([constants[b], np.zeros_like(constants[b])])
    begins = [write_state(writer, name) for name in states]
    arrays = (constants[w], constants[r], bias)
    y, _ = write_layer(writer, "RNN", x, arrays, begins, 2, is_reverse=op.is_reverse, clip=op.clip)
    writer.define(node.output, y)


FAMILY = Family(
    readers=(Reader(read_rnn, ("RNN",), LAYER, has_several_outputs=True),),
    writers={Rnn: write_rnn},
    unwritten=frozenset({RnnStep}),
)
