"""Long short-term memory that goes on from run to run: its float writer, as ONNX has no limit of the cell."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.ops.clipped_lstm import ClippedLstm, ClippedLstmStep
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.recurrent import write_layer, write_state


def write_clipped_lstm(writer: OnnxWriter, node: Node) -> None:
    """LSTM; where the cell is limited, a loop over its elements."""
    assert isinstance(node.op, ClippedLstm)
    if node.op.cell_clip > 0:
        _write_loop(writer, node, node.op.cell_clip)
        return
    x, w, b, r, *states = node.inputs
    constants = writer.graph.constants
    bias = np.concatenate([constants[b], np.zeros_like(constants[b])])
    begins = [write_state(writer, name) for name in states]
    y, _, c = write_layer(writer, "LSTM", x, (constants[w], constants[r], bias), begins, 3, is_reverse=False)
    writer.define(node.outputs[0], y)
    writer.define(node.outputs[1], c)


def _write_loop(writer: OnnxWriter, node: Node, clip: float) -> None:
    x, w, b, r, *states = node.inputs
    (steps, size), units = writer.shape(x), writer.shape(r)[1]
    weights, bias, turned = (writer.device(name) for name in (w, b, r))
    limits = [writer.constant(np.array(each, np.float32)) for each in (-clip, clip)]

    def element(before: list[str], x_t: str) -> list[str]:
        h, c = before
        products = writer.node("Gemm", [x_t, weights, bias], transB=1)
        sums = writer.node("Add", [products, writer.node("Gemm", [h, turned], transB=1)])
        i, o, f, g = writer.several("Split", [sums], 4, axis=1)
        i, o, f = (writer.node("Sigmoid", [each]) for each in (i, o, f))
        added = writer.node("Mul", [i, writer.node("Tanh", [g])])
        c = writer.node("Clip", [writer.node("Add", [writer.node("Mul", [f, c]), added]), *limits])
        h = writer.node("Mul", [o, writer.node("Tanh", [c])])
        return [h, c, writer.node("Identity", [h])]

    sequence = writer.reshape(writer.device(x), (steps, 1, size))
    _, last, y = writer.loop([writer.device(name) for name in states], sequence, element)
    writer.define(node.outputs[0], writer.reshape(y, (steps, units)))
    writer.define(node.outputs[1], last)


FAMILY = Family(writers={ClippedLstm: write_clipped_lstm}, unwritten=frozenset({ClippedLstmStep}))
