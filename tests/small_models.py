"""Small ONNX models for tests, and what onnxruntime computes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mcuq.calibrate.session import open_session
from mcuq.frontend import read
from mcuq.ir.graph import Graph
from mcuq.ops.onnx.write import write_graph
from mcuq.passes.canonicalize import canonicalize

FLOAT = onnx.TensorProto.FLOAT


class Net:
    """Builds a model node by node; `add` and `const` return tensor names."""

    def __init__(self, opset: int = 17, **inputs: Sequence[int | str]) -> None:
        self.opset = opset
        self.inputs = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.functions: list[onnx.FunctionProto] = []
        self.rng = np.random.default_rng(1)

    def input(self, name: str, kind: int, *shape: int) -> str:
        """Add an input of another type than float32."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def const(self, array: object, name: str | None = None) -> str:
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def random(self, *shape: int) -> str:
        return self.const(self.rng.normal(size=shape))

    def add(self, op_type: str, *inputs: str, outputs: Sequence[str] = (), **attrs: object) -> str:
        outputs = list(outputs) or [f"{op_type.lower()}_{len(self.nodes)}"]
        domain = str(attrs.pop("domain", ""))
        name = str(attrs.pop("name", f"node_{len(self.nodes)}"))
        attrs = {key: value for key, value in attrs.items() if value is not None}
        self.nodes.append(helper.make_node(op_type, inputs, outputs, name=name, domain=domain, **attrs))
        return outputs[0]

    def conv(self, x: str, channels: int, filters: int, kernel: Sequence[int], **attrs: object) -> str:
        groups = int(attrs.get("group", 1))
        weights = self.random(filters, channels // groups, *kernel)
        return self.add("Conv", x, weights, self.random(filters), **attrs)

    def batchnorm(self, x: str, channels: int) -> str:
        parameters = [self.random(channels), self.random(channels), self.random(channels)]
        return self.add("BatchNormalization", x, *parameters, self.const(self.rng.uniform(0.1, 2, channels)))

    def model(self, *outputs: str, shape: Sequence[int] | None = None) -> onnx.ModelProto:
        infos = [
            helper.make_tensor_value_info(name, FLOAT, shape)
            if shape is not None
            else onnx.ValueInfoProto(
                name=name, type=onnx.TypeProto(tensor_type=onnx.TypeProto.Tensor(elem_type=FLOAT))
            )
            for name in outputs
        ]
        graph = helper.make_graph(self.nodes, "net", self.inputs, infos, self.initializers)
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(f.domain, 1) for f in self.functions]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=self.functions)


def save(model: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def random_feeds(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {port.name: rng.normal(size=port.model_shape).astype(np.float32) for port in graph.inputs}


def run(model: bytes, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs by name, computed without graph optimizations unless exact products need them."""
    session = open_session(model, is_optimized=_has_unsigned_products(model))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def _has_unsigned_products(model: bytes) -> bool:
    """Whether QLinear operators multiply uint8 activations by int8 weights; see `open_session`."""
    graph = onnx.load_from_string(model).graph
    types = {each.name: each.data_type for each in graph.initializer}
    int8, uint8 = onnx.TensorProto.INT8, onnx.TensorProto.UINT8
    pairs = {
        (types.get(node.input[2], uint8), types.get(node.input[3], int8))
        for node in graph.node
        if node.op_type in ("QLinearConv", "QLinearMatMul", "QGemm")
    }
    assert not pairs > {(uint8, int8)}, f"onnxruntime cannot run these together everywhere: {pairs}"
    return (uint8, int8) in pairs


def assert_same(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> None:
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-4, err_msg=name)


def check_model(model: onnx.ModelProto, folder: Path, seed: int = 0) -> Graph:
    """Read and canonicalize a model; both graphs must compute what the model does.

    Returns:
        The canonical graph.
    """
    graph = read(save(model, folder)).graph
    feeds = random_feeds(graph, seed)
    expected = run(model.SerializeToString(), feeds)
    assert_same(expected, run(write_graph(graph), feeds))
    canonical = canonicalize(graph)
    assert_same(expected, run(write_graph(canonical), feeds))
    return canonical


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph.nodes]
