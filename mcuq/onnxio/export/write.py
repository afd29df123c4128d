"""From a float graph back to an ONNX model that onnxruntime runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.op import Op
from mcuq.ir.types import Shape
from mcuq.onnxio.export.writer import DOMAIN_VERSIONS, IR_VERSION, OPSET, NodeWriter, OnnxWriter
from mcuq.onnxio.standard import TO_NHWC


def graph_to_onnx(
    graph: Graph, writers: Mapping[type[Op], NodeWriter], extra_outputs: Sequence[str] | None = None
) -> bytes:
    """Serialize a float graph as an ONNX model.

    Args:
        graph: at Stage.FLOAT or Stage.CANONICAL.
        writers: by class of the operator.
        extra_outputs: tensors of the graph to return behind the model's outputs, under their own names and
            in device layout. One that has the name of an input or output of the model is not repeated.

    Returns:
        The model. Inputs and outputs have the names, shapes and layout of the original model.

    Raises:
        McuqError: Q011 with all nodes whose operator has no writer.
    """
    refused = [node for node in graph.nodes if type(node.op) not in writers]
    if refused:
        raise McuqError(_refusal(node) for node in refused)
    ports = {port.name for port in (*graph.inputs, *graph.outputs)}
    extra = [name for name in dict.fromkeys(extra_outputs or ()) if name not in ports]
    writer = OnnxWriter(graph, ports | set(extra))
    for port in graph.inputs:
        write_input(writer, port)
    for node in graph.nodes:
        writers[type(node.op)](writer, node)
    for port in graph.outputs:
        write_output(writer, port)
    for name in extra:
        writer.publish(writer.device(name), name)
    outputs = [_value(port.name, port.model_shape) for port in graph.outputs]
    outputs += [_value(name, graph.tensors[name].shape) for name in extra]
    inputs = [_value(port.name, port.model_shape) for port in graph.inputs]
    made = helper.make_graph(writer.nodes, "mcuq", inputs, outputs, writer.initializers)
    opsets = [helper.make_opsetid("", OPSET)]
    domains = sorted({node.domain for node in writer.nodes} - {""})
    opsets += [helper.make_opsetid(domain, DOMAIN_VERSIONS[domain]) for domain in domains]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="mcuq")
    return bytes(model.SerializeToString(deterministic=True))


def _refusal(node: Node) -> Problem:
    return Problem(
        "Q011",
        "a layer has no form in the format that is exported",
        f"node {node.name!r} ({node.op.kind})",
        f"mcuq runs float models as ONNX and has no writer that expresses {node.op.kind} in ONNX's operators",
        "report it; a writer belongs into mcuq/ops/onnx",
    )


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _permuted(port: Port) -> Shape:
    return tuple(port.model_shape[axis] for axis in port.perm)


def write_input(writer: OnnxWriter, port: Port) -> None:
    """Define the device tensor of an input; one that is only turned is NCHW already."""
    shape = writer.shape(port.tensor)
    if port.perm == TO_NHWC and _permuted(port) == shape:
        writer.define(port.tensor, port.name, is_nchw=True)
        return
    x = port.name
    if port.perm != tuple(range(len(port.perm))):
        x = writer.transpose(x, port.model_shape, port.perm)
    if _permuted(port) != shape:
        x = writer.reshape(x, shape)
    writer.define(port.tensor, x)


def write_output(writer: OnnxWriter, port: Port) -> None:
    """Bring a device tensor to the model's own layout and name."""
    shape = _permuted(port)
    if port.perm == TO_NHWC and shape == writer.shape(port.tensor):
        y = writer.nchw(port.tensor)
    else:
        y = writer.device(port.tensor)
        if shape != writer.shape(port.tensor):
            y = writer.reshape(y, shape)
        if port.perm != tuple(range(len(port.perm))):
            y = writer.transpose(y, shape, tuple(int(axis) for axis in np.argsort(port.perm)))
    writer.publish(y, port.name)
