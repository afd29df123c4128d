"""`mcuq inspect`: operators, ports, estimates, and every problem at once."""

import numpy as np
import onnx
import pytest
from small_models import Net, save

from mcuq.onnxio.fold import EVALUATED, FOLDABLE
from mcuq.onnxio.quantized.barrier import QUANTIZE_OPS
from mcuq.ops.onnx.registry import readers
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from tests.cli.runner import run


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A small network with a shape that is folded."""
    net = Net(x=(1, 3, 8, 8))
    y = net.add("Relu", net.conv("x", 3, 4, (3, 3), pads=[1, 1, 1, 1]))
    batch = net.add("Slice", net.add("Shape", y), net.const(np.array([0])), net.const(np.array([1])))
    flat = net.add("Reshape", y, net.add("Concat", batch, net.const(np.array([-1])), axis=0))
    y = net.add("Gemm", flat, net.random(256, 5), net.random(5))
    return save(net.model(y), tmp_path_factory.mktemp("network"))


def test_inspect_counts_operators_and_says_what_a_build_would_cost(network, tmp_path):
    result = run("inspect", network, "--json")
    assert (result.code, result.err) == (0, "")
    found = result.json
    counts = {each["name"]: (each["read"], each["folded"]) for each in found["operators"]}
    expected = {"Conv": (1, 0), "Relu": (1, 0), "Reshape": (1, 0), "Gemm": (1, 0)}
    assert counts == expected | {"Shape": (0, 1), "Slice": (0, 1), "Concat": (0, 1)}
    assert all(each["refused"] == each["missing"] == 0 for each in found["operators"])
    assert found["inputs"] == [{"name": "x", "shape": [1, 3, 8, 8]}]
    assert [port["shape"] for port in found["outputs"]] == [[1, 5]]
    assert found["parameters"] == 4 * 27 + 4 + 256 * 5 + 5
    options = QuantOptions(samples=1, eliminate_channels=False)
    plan = build(network, "cortex-m4", output=tmp_path / "net", verify="none", options=options).plan
    estimate = found["estimate"]
    assert estimate["macs"] == 27 * 4 * 64 + 256 * 5
    assert estimate["arena_bytes"] == plan.memory.arena_bytes
    assert estimate["cycles"] == plan.costs.cycles > 0
    assert estimate["flash_bytes"] == plan.costs.constant_bytes + plan.costs.code_bytes
    assert estimate["ram_bytes"] == plan.memory.arena_bytes + 192 + 5
    assert estimate["milliseconds"] is None
    assert found["can_be_built"] is True


def test_inspect_prints_a_table_and_figures(network):
    result = run("inspect", network, "--target", "nrf52840-dk")
    assert result.code == 0
    for text in ("Conv", "input x: 1x3x8x8", "parameters: 1,397", "cycles, modelled", " ms on nrf52840-dk"):
        assert text in result.out
    assert result.out.endswith("net.onnx can be built\n")


def test_inspect_tells_problems_of_inputs_and_nodes_at_once(tmp_path):
    net = Net(x=(1, 3, "height", 8), z=(1, 4))
    y = net.add("Bernoulli", net.add("Relu", "x"))
    w = net.add("Gemm", "z", net.add("Det", "z"))
    result = run("inspect", save(net.model(y, w), tmp_path), "--json")
    assert result.code == 1
    problems = result.json["problems"]
    assert [problem["code"] for problem in problems] == ["M006", "M003", "M003"]
    assert all(f"error[{problem['code']}]" in result.err for problem in problems)
    assert problems[1]["fix"] == "export the model for inference (`model.eval()`)"
    missing = {each["name"]: each["missing"] for each in result.json["operators"]}
    assert missing == {"Relu": 0, "Bernoulli": 1, "Gemm": 0, "Det": 1}
    assert result.json["can_be_built"] is False
    assert "cannot be built" in run("inspect", tmp_path / "net.onnx").out


def test_inspect_says_what_a_model_that_does_not_fit_needs(tmp_path):
    net = Net(x=(1, 1000, 400))
    path = save(net.model(net.add("Transpose", "x", perm=[0, 2, 1])), tmp_path)
    result = run("inspect", path, "--target", "nrf52840-dk", "--json")
    assert result.code == 3
    assert [problem["code"] for problem in result.json["problems"]] == ["T001"]
    assert result.json["estimate"]["ram_bytes"] >= 800_000


def test_inspect_names_another_format_and_takes_shapes(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    result = run("inspect", tmp_path / "model.h5", "--json")
    assert (result.code, result.json["operators"]) == (1, [])
    assert "format='onnx'" in result.err
    net = Net(x=(1, "length"))
    path = save(net.model(net.add("Relu", "x")), tmp_path)
    result = run("inspect", path, "--input-shape", "x=1,7", "--json")
    assert result.json["inputs"] == [{"name": "x", "shape": [1, 7]}]


def test_every_operator_of_onnx_is_read_or_folded_or_has_a_reason():
    table = readers()
    for schema in onnx.defs.get_all_schemas():
        name = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
        is_known = name in table or name in table.forms or name in QUANTIZE_OPS
        assert is_known or name in FOLDABLE | EVALUATED or name in table.unread, name
