"""Files that are no models, and models that are damaged or of another time."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from shared_data import shared_file
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.onnxio import load
from mcuq.onnxio.wire import parsed_bytes
from mcuq.passes.canonicalize import canonicalize

from .refusals import refusal


def small() -> onnx.ModelProto:
    net = Net(17, x=(1, 3, 6, 6))
    return net.model(net.add("Relu", net.conv("x", 3, 4, (3, 3))))


def test_read_of_a_missing_file(tmp_path):
    assert refusal(tmp_path / "nothing.onnx", tmp_path, "O012").why == "no such file or directory"


@pytest.mark.parametrize(("name", "code"), [(".", "O014"), ("a\0b", "O012")])
def test_read_of_no_file(tmp_path, name, code):
    refusal(tmp_path / name, tmp_path, code)


def test_read_of_a_pipe(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("'mkfifo' is not on this system")
    os.mkfifo(tmp_path / "pipe.onnx")
    refusal(tmp_path / "pipe.onnx", tmp_path, "O014")


GARBAGE = {
    "empty": b"",
    "zeros": bytes(64),
    "text": b"this is not a model\n" * 50,
    "random": np.random.default_rng(0).bytes(4096),
    "zip": b"PK\x03\x04" + np.random.default_rng(1).bytes(400),
    "flatbuffer": b"\x1c\x00\x00\x00TFL3" + bytes(500),
    "field of another message": b"\x08\x07",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_read_of_garbage(tmp_path, name):
    refusal(GARBAGE[name], tmp_path, "M001")


@pytest.mark.parametrize("seed", range(200))
def test_read_of_random_bytes(tmp_path, seed):
    rng = np.random.default_rng(seed)
    refusal(rng.bytes(int(rng.integers(1, 60))), tmp_path, "M001")


def test_read_of_every_truncation(tmp_path):
    data = small().SerializeToString()
    for size in range(len(data)):
        refusal(data[:size], tmp_path, "M001")


@pytest.mark.parametrize("part", [0.001, 0.3, 0.5, 0.99, 0.99999])
def test_read_of_a_truncated_real_model(tmp_path, part):
    data = shared_file("mlperf_tiny/models/ic_resnet8.onnx").read_bytes()
    problem = refusal(data[: int(len(data) * part)], tmp_path, "M001")
    assert problem.title == "'net.onnx' is not a readable ONNX model"


@pytest.mark.parametrize("seed", range(300))
def test_read_of_a_damaged_model_never_breaks(tmp_path, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(small().SerializeToString())
    for _ in range(int(rng.integers(1, 8))):
        data[rng.integers(len(data))] = rng.integers(256)
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    try:
        canonicalize(read(path).graph)
    except McuqError as error:
        assert {problem.code for problem in error.problems} <= {*(f"M{n:03}" for n in range(1, 12))}


def changed(**fields: object) -> onnx.ModelProto:
    model = small()
    for name, value in fields.items():
        if value is None:
            model.ClearField(name)
        else:
            setattr(model, name, value)
    return model


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"ir_version": None}, "it has no ir_version"),
        ({"graph": None}, "it has no graph"),
        ({"opset_import": None}, "it names no operator set; the file may be cut short"),
        (
            {"ir_version": 1000},
            f"its format has version 1000, the installed onnx reads up to {onnx.IR_VERSION}",
        ),
    ],
)
def test_read_without_what_every_model_has(tmp_path, fields, why):
    assert refusal(changed(**fields), tmp_path, "M001").why == why


def test_read_without_nodes(tmp_path):
    model = small()
    del model.graph.node[:]
    assert refusal(model, tmp_path, "M001").why == "its graph has no nodes"


@pytest.mark.parametrize("version", [6, 1000])
def test_read_of_another_opset(tmp_path, version):
    model = small()
    model.opset_import[0].version = version
    assert refusal(model, tmp_path, "M004").why.startswith(f"found version {version}, supported are 7 to")


def test_read_of_a_model_of_other_operators_only(tmp_path):
    model = small()
    model.opset_import[0].domain = "ai.onnx.ml"
    refusal(model, tmp_path, "M002")


def test_read_takes_the_long_name_of_the_domain(tmp_path):
    model = small()
    model.opset_import[0].domain = "ai.onnx"
    for node in model.graph.node:
        node.domain = "ai.onnx"
    assert len(read(save(model, tmp_path)).graph.nodes) == 4


def test_read_of_a_huge_file(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "MAX_FILE_BYTES", 100)
    refusal(small(), tmp_path, "M011")


def _field(number: int, data: bytes) -> bytes:
    size, length = len(data), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


@pytest.mark.parametrize("content", ["nodes", "names", "numbers"])
def test_read_of_a_small_file_that_is_huge_in_memory(tmp_path, monkeypatch, content):
    monkeypatch.setattr(load, "MAX_PARSED_BYTES", 6 << 20)
    node = {"nodes": b"", "names": b"\x0a\x00" * 40_000}.get(content)
    if node is None:
        node = _field(5, _field(1, b"a") + _field(8, b"\x01" * 800_000))
    graph = _field(1, node) * (10_000 if content == "nodes" else 1)
    assert refusal(b"\x08\x08" + _field(7, graph), tmp_path, "M011").why.endswith("of fields")


def test_what_parsing_takes_is_told_from_the_bytes():
    model = small()
    data = model.SerializeToString()
    found = parsed_bytes(data, 1 << 30)
    assert len(data) < found < len(data) + 100_000
    assert parsed_bytes(data, 1000) < found
    assert parsed_bytes(data[:50], 1 << 30) < found
    model.graph.initializer[0].raw_data = bytes(1 << 20)
    assert parsed_bytes(model.SerializeToString(), 1 << 30) - found > 1 << 19
    for damage in (b"\x0b", b"\xff" * 20, b"\x0a\xff\xff\xff\x7f", b"\x3a"):
        assert parsed_bytes(damage, 1 << 30) < 1000


def test_read_of_too_many_nodes(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "MAX_NODES", 1)
    refusal(small(), tmp_path, "M011")


def test_read_of_names_that_are_not_text(tmp_path):
    data = small().SerializeToString().replace(b"relu_1", b"\xff\xfe\xfd\xfc\xfb\xfa")
    refusal(data, tmp_path, "M001")


NAMES = ["*/ #include", "a\nb\r\n", "??/", "int", "größe", "", " ", "a" * 3000, "\u2028", "\x01"]


@pytest.mark.parametrize("name", NAMES)
def test_read_keeps_any_name(tmp_path: Path, name: str):
    net = Net(17, x=(1, 3, 6, 6))
    y = net.add("Relu", net.conv("x", 3, 4, (3, 3)), outputs=[name or "y"], name=name)
    graph = canonicalize(read(save(net.model(net.conv(y, 4, 2, (1, 1))), tmp_path)).graph)
    assert graph.nodes[0].output == (name or "y")
    assert len({node.name for node in graph.nodes}) == len(graph.nodes)
