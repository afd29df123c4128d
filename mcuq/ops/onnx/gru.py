"""Gated recurrent units."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.ops.gru import Gru, GruStep
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

_ACTIVATIONS = ("Sigmoid", "Tanh")


def read_gru(ctx: ImportContext, node: OnnxNode) -> None:
    """GRU over up to 16 sequences of constant lengths, in every layout, with the default activations."""
    read_each(ctx, node, _read_one)


def _read_one(ctx: ImportContext, node: OnnxNode) -> None:
    """One sequence of full length."""
    clip, is_reset_behind = read_clip(node), bool(node.get_int("linear_before_reset", 0))
    layout, layers = read_layers(ctx, node, 3, _ACTIVATIONS, (5,))
    op = [Gru(layer.is_reverse, clip, is_reset_behind) for layer in layers]
    define_outputs(ctx, node, layout, layers, [_emit(ctx, *each) for each in zip(op, layers, strict=True)])


def _emit(ctx: ImportContext, op: Gru, layer: Direction) -> str:
    """Add one direction; the name of its hidden states."""
    x_bias, h_bias, first = layer.x_bias.copy(), layer.h_bias.copy(), 3 * layer.units
    if op.is_reset_behind:
        first = 2 * layer.units
    # What no gate multiplies is one bias.
    x_bias[:first] += h_bias[:first]
    h_bias[:first] = 0.0
    constants = (
        layer.store(ctx, layer.w, "W"),
        layer.store(ctx, x_bias, "Wb"),
        layer.store(ctx, layer.r, "R"),
        layer.store(ctx, h_bias, "Rb"),
    )
    states = tuple(name for name in layer.states if name is not None)
    return ctx.emit(op, (layer.x, *constants, *states), ctx.temporary(layer.output, "hidden"))


def write_gru(writer: OnnxWriter, node: Node) -> None:
    """GRU of one direction."""
    op = node.op
    assert isinstance(op, Gru)
    x, w, x_bias, r, h_bias, *states = node.inputs
    constants = writer.graph.constants
    bias = np.concatenate([constants[x_bias], constants[h_bias]])
    y, _ = write_layer(
        writer,
        "GRU",
        x,
        (constants[w], constants[r], bias),
        [write_state(writer, name) for name in states],
        2,
        is_reverse=op.is_reverse,
        clip=op.clip,
        linear_before_reset=int(op.is_reset_behind),
    )
    writer.define(node.output, y)


FAMILY = Family(
    readers=(Reader(read_gru, ("GRU",), LAYER, has_several_outputs=True),),
    writers={Gru: write_gru},
    unwritten=frozenset({GruStep}),
)
