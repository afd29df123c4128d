"""From a float graph back to an ONNX model that onnxruntime runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from mcuq.ir.graph import Graph, Port
from mcuq.ir.types import Shape
from mcuq.onnxio.write_ops import write_node
from mcuq.onnxio.writer import IR_VERSION, OPSET, TO_NHWC, OnnxWriter


def write_graph(graph: Graph, extra_outputs: Sequence[str] | None = None) -> bytes:
    """Serialize a float graph as an ONNX model.

    Args:
        graph: at Stage.FLOAT or Stage.CANONICAL.
        extra_outputs: tensors of the graph to return behind the model's outputs, under their own names and
            in device layout. One that has the name of an input or output of the model is not repeated.

    Returns:
        The model. Inputs and outputs have the names, shapes and layout of the original model.
    """
    ports = {port.name for port in (*graph.inputs, *graph.outputs)}
    extra = [name for name in dict.fromkeys(extra_outputs or ()) if name not in ports]
    writer = OnnxWriter(graph, ports | set(extra))
    for port in graph.inputs:
        write_input(writer, port)
    for node in graph.nodes:
        write_node(writer, node)
    for port in graph.outputs:
        write_output(writer, port)
    for name in extra:
        writer.publish(writer.device(name), name)
    outputs = [_value(port.name, port.model_shape) for port in graph.outputs]
    outputs += [_value(name, graph.tensors[name].shape) for name in extra]
    inputs = [_value(port.name, port.model_shape) for port in graph.inputs]
    made = helper.make_graph(writer.nodes, "mcuq", inputs, outputs, writer.initializers)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="mcuq")
    return bytes(model.SerializeToString(deterministic=True))


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
