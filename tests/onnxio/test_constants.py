"""Constants: folding, external data, and what keeps a small file from asking for much memory."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from small_models import Net, check_model, kinds, save

from mcuq.frontend import read
from mcuq.onnxio import tensors

from .refusals import refusal, refusals

IMAGE = (1, 3, 8, 8)


def ints(net: Net, *values: int) -> str:
    return net.const(np.array(values, np.int64))


def with_constant(build):
    """A model that adds a folded constant of one value per channel."""
    net = Net(17, x=IMAGE)
    return net.model(net.add("Relu", net.add("Add", "x", build(net))))


CHANNEL = np.arange(3.0, dtype=np.float32)
FOLDED = {
    "reshape": lambda net: net.add("Reshape", net.const(CHANNEL), ints(net, 3, 1, 1)),
    "transpose": lambda net: net.add("Transpose", net.const(CHANNEL.reshape(1, 1, 3)), perm=[2, 0, 1]),
    "unsqueeze": lambda net: net.add("Unsqueeze", net.const(CHANNEL), ints(net, 1, 2)),
    "arithmetic": lambda net: net.add(
        "Sqrt", net.add("Mul", net.random(1), net.const(CHANNEL.reshape(3, 1, 1)))
    ),
    "constant": lambda net: net.add("Constant", value_float=2.0),
    "constants": lambda net: net.add("Constant", value_floats=[2.0]),
    "constant int": lambda net: net.add("Cast", net.add("Constant", value_int=2), to=1),
    "constant ints": lambda net: net.add("Cast", net.add("Constant", value_ints=[2]), to=1),
    "concat": lambda net: net.add("Concat", *[net.const(np.ones((1, 1, 1)))] * 3, axis=0),
    "fill": lambda net: net.add("ConstantOfShape", ints(net, 3, 1, 1)),
    "shape of x": lambda net: net.add("Cast", net.add("Shape", "x", start=1, end=2), to=1),
    "size of x": lambda net: net.add("Cast", net.add("Size", "x"), to=1),
    "chain": lambda net: net.add("Identity", net.add("Relu", net.add("Neg", net.const(np.ones((3, 1, 1)))))),
}


@pytest.mark.parametrize("name", FOLDED)
def test_constants_fold(tmp_path, name):
    graph = check_model(with_constant(FOLDED[name]), tmp_path)
    # Zero, or what the activation makes zero, is not added.
    assert kinds(graph) in (["clip"], ["conv2d"], ["table"])


BOMBS = {
    "fill": lambda net: net.add("ConstantOfShape", ints(net, 100_000, 100_000)),
    "expand": lambda net: net.add("Expand", net.random(1), ints(net, 1 << 40)),
    "tile": lambda net: net.add("Tile", net.random(1), ints(net, 1 << 40)),
    "range": lambda net: net.add("Range", *[net.const(np.array(v)) for v in (0, 1 << 50, 1)]),
    "outer product": lambda net: net.add("Mul", net.random(1, 9000), net.random(9000, 1)),
    "pad": lambda net: net.add("Pad", net.random(1), ints(net, 1 << 40, 0)),
    "gather": lambda net: net.add(
        "Gather", net.random(3000, 3000), net.const(np.zeros((300, 300), np.int64))
    ),
    "initializer": lambda net: _claim(net, (1 << 20, 1 << 20)),
}


def _claim(net: Net, shape: tuple[int, ...]) -> str:
    net.initializers.append(onnx.TensorProto(name="w", data_type=1, dims=shape))
    return "w"


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_cannot_ask_for_much(tmp_path, name):
    found = refusals(with_constant(BOMBS[name]), tmp_path)
    assert "M011" in {problem.code for problem in found}


def test_constants_share_a_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(tensors, "MAX_ELEMS", 500)
    net = Net(17, x=(1, 4))
    x = "x"
    for _ in range(40):
        x = net.add("Gemm", x, net.random(4, 4), net.random(4))
    assert {p.code for p in refusals(net.model(x), tmp_path)} == {"M011"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dims": [4, 3, 3, 3], "raw_data": b"1234"}, "M002"),
        ({"dims": [-1], "raw_data": b"1234"}, "M002"),
        ({"dims": [1], "data_type": 0, "raw_data": b"1234"}, "M002"),
        ({"dims": [1], "data_type": 99, "raw_data": b"1234"}, "M002"),
        ({"dims": [2], "float_data": [1.0]}, "M002"),
        ({"dims": [1], "data_type": onnx.TensorProto.STRING, "string_data": [b"a"]}, "M004"),
    ],
)
def test_damaged_tensors(tmp_path, fields, code):
    net = Net(17, x=IMAGE)
    net.initializers.append(onnx.TensorProto(**{"name": "w", "data_type": 1, **fields}))
    problem = refusal(net.model(net.add("Conv", "x", "w")), tmp_path, code)
    assert problem.title.startswith("tensor 'w' ")


def test_sparse_initializers(tmp_path):
    net = Net(17, x=IMAGE)
    model = net.model(net.add("Conv", "x", "w"))
    values = onnx.numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = onnx.numpy_helper.from_array(np.zeros(1, np.int64), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 3, 3, 3]))
    assert "tensor 'w'" in refusal(model, tmp_path, "M004").where


WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)


def external(location: str, **facts: object) -> onnx.ModelProto:
    tensor = onnx.TensorProto(name="w", data_type=1, dims=WEIGHTS.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **facts}.items():
        tensor.external_data.add(key=key, value=str(value))
    net = Net(17, x=IMAGE)
    net.initializers.append(tensor)
    return net.model(net.add("Conv", "x", "w"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "w.bin").write_bytes(b"12345678" + WEIGHTS.tobytes())
    (tmp_path / "short.bin").write_bytes(b"123")
    return tmp_path


def test_external_data(folder):
    graph = read(save(external("w.bin", offset=8, length=WEIGHTS.nbytes), folder)).graph
    np.testing.assert_array_equal(WEIGHTS.transpose(0, 2, 3, 1), graph.constants["w"])
    graph = read(save(external("./w.bin", offset=8), folder)).graph
    np.testing.assert_array_equal(WEIGHTS.transpose(0, 2, 3, 1), graph.constants["w"])


def test_external_data_outside(folder):
    outside = folder.parent / "outside.bin"
    outside.write_bytes(WEIGHTS.tobytes())
    (folder / "link.bin").symlink_to(outside)
    for location in (
        "../outside.bin",
        str(outside),
        "link.bin",
        "/etc/passwd",
        "",
        ".",
        "a\0b",
        "missing.bin",
    ):
        problem = refusal(external(location), folder, "M008")
        assert problem.why.endswith("which is no file in the model's folder")


@pytest.mark.parametrize(
    "facts",
    [{"offset": 4}, {"offset": -8, "length": 432}, {"offset": "x"}, {"length": 10**15}, {"length": 8}, {}],
)
def test_external_data_of_another_size(folder, facts):
    refusal(external("w.bin", **facts), folder, "M008")


def test_external_data_of_a_constant(folder):
    model = external("missing.bin")
    tensor = model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], name="c", value=tensor))
    del model.graph.initializer[:]
    refusal(model, folder, "M008")


def test_initializers_that_are_inputs_too(tmp_path):
    net = Net(8, x=IMAGE, w=(4, 3, 3, 3))
    net.const(WEIGHTS, "w")
    graph = check_model(net.model(net.add("Conv", "x", "w")), tmp_path)
    assert [port.name for port in graph.inputs] == ["x"]


def test_weights_keep_their_bits(tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Conv", "x", net.const(WEIGHTS, "w"), net.const(np.array([0.1, -0.0, 1e-40, 3.0]), "b"))
    graph = check_model(net.model(y), tmp_path)
    assert graph.constants["w"].tobytes() == np.ascontiguousarray(WEIGHTS.transpose(0, 2, 3, 1)).tobytes()
    assert graph.constants["b"].tobytes() == np.array([0.1, -0.0, 1e-40, 3.0], np.float32).tobytes()
