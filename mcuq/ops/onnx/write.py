"""Graphs and programs as ONNX models, with the writers of all operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcuq.ir.graph import Graph
from mcuq.ir.program import Program
from mcuq.onnxio.export.float_model import FloatModel, program_to_float
from mcuq.onnxio.export.qdq import program_to_onnx
from mcuq.onnxio.export.write import graph_to_onnx
from mcuq.ops.onnx.registry import step_writers, wide_steps, writers


def write_graph(graph: Graph, extra_outputs: Sequence[str] | None = None) -> bytes:
    """A float graph as an ONNX model; see `mcuq.onnxio.export.write.graph_to_onnx`."""
    return graph_to_onnx(graph, writers(), extra_outputs)


def write_qdq(program: Program, scales: Mapping[int, Sequence[float]], is_plain: bool = False) -> bytes:
    """A program as a QDQ model; see `mcuq.onnxio.export.qdq.program_to_onnx`."""
    return program_to_onnx(program, scales, step_writers(), is_plain, wide_steps())


def write_float(program: Program, scales: Mapping[int, Sequence[float]]) -> FloatModel:
    """A program as a float model; see `mcuq.onnxio.export.float_model.program_to_float`."""
    return program_to_float(program, scales, step_writers())
