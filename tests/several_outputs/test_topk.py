"""An operator with two outputs, from an ONNX model to firmware: TopK's values and indices."""

import numpy as np
import onnx
import pytest

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.graph import Graph, Node, Port, Stage, Tensor
from mcuq.ir.integer import Rounding
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ir.text import graph_from_text, graph_to_text
from mcuq.ir.types import DType, QuantParams
from mcuq.ir.verify import verify_graph
from mcuq.ops.onnx.write import write_qdq
from mcuq.ops.registry import GRAPH_OPS, STEP_OPS
from mcuq.ops.topk import TopK
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.planning import plan_program
from mcuq.quantize.lower import lower_graph
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program, trace_plan, trace_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.builders import ORIGIN, quant, write_firmware
from tests.e2e.selftest_image import run_selftest
from tests.onnx_models.checked import check_built
from tests.small_models import Net, run, save
from tests.tools import require

K = 3


def write_model(folder, outputs, k=K, **attrs):
    """A linear layer and the largest of what it gives."""
    net = Net(x=(1, 6))
    net.add("Gemm", "x", net.random(6, 9), net.random(9), outputs=["logits"], name="fc")
    net.add(
        "TopK",
        "logits",
        net.const(np.array([k], np.int64), "k"),
        outputs=["best", "where"],
        name="top",
        **attrs,
    )
    return save(net.model(*outputs), folder, "model.onnx")


@pytest.fixture
def samples():
    return Samples.from_arrays({"x": np.random.default_rng(0).normal(size=(40, 1, 6)).astype(np.float32)})


@pytest.mark.parametrize("target", ["host", "cortex-m4", "cortex-m0plus", "rv32imc"])
@pytest.mark.parametrize("outputs", [("best", "where"), ("best",), ("where",)], ids="-".join)
def test_topk_of_a_model_is_bit_exact(tmp_path, samples, outputs, target):
    """Also where nobody reads one of both outputs, which then lies in the arena."""
    on = "host" if target == "host" else "emulator"
    require("cc" if on == "host" else "unicorn")
    model = write_model(tmp_path, outputs)
    result = build(
        model,
        target,
        calibration=CalibrationData(samples),
        output=tmp_path / "net",
        name="net",
        verify="none",
    )
    inputs = standard_inputs(result.plan.program, None, 12)
    report = verify_firmware(tmp_path / "net", result.plan, "net", inputs, on)
    assert report.first_difference is None
    # Both outputs of the step are compared, the model's outputs as well.
    assert report.values_compared == 14 * (9 + 2 * K + 2 * K * len(outputs))
    assert run_selftest(tmp_path / "net", tmp_path / "test", "net", target).failed == 0


def program_of(folder, samples):
    result = build(
        write_model(folder, ["best", "where"]),
        "host",
        calibration=CalibrationData(samples),
        output=folder / "net",
        name="net",
        verify="none",
    )
    return result.plan


def test_values_and_indices_belong_together(tmp_path, samples):
    plan = program_of(tmp_path, samples)
    program = plan.program
    codes = quantize_inputs(program, {"x": samples.array("x")})
    (_, _, (logits,)), (_, _, (best, where)) = trace_program(program, codes)
    np.testing.assert_array_equal(np.take_along_axis(logits, where, -1), best)
    assert (np.diff(best.astype(int), axis=-1) <= 0).all()
    found = dequantize_outputs(program, simulate_program(program, codes))
    assert found["where"].max() <= 8
    for (_, _, expected), (_, _, planned) in zip(
        trace_program(program, codes), trace_plan(plan, codes), strict=True
    ):
        for one, other in zip(expected, planned, strict=True):
            np.testing.assert_array_equal(one, other)


def test_steps_with_several_outputs_are_stored(tmp_path, samples):
    program = program_of(tmp_path, samples).program
    text = program_to_npz(program)
    assert text.count(b'"outputs"') == 2  # of the program and of the step with two
    again = program_from_npz(text, "stored", STEP_OPS)
    assert [step.outputs for step in again.steps] == [step.outputs for step in program.steps]
    assert text == program_to_npz(again)


def test_header_counts_outputs_where_steps_have_several(tmp_path, samples):
    program_of(tmp_path, samples)
    header = (tmp_path / "net/include/net.h").read_text()
    assert "#define NET_STEPS 2" in header
    assert "#define NET_RESULTS 3" in header
    assert "mcuq_topk_s8(&net_p01_top, " in (tmp_path / "net/src/net.c").read_text()


def test_topk_is_exported_as_a_quantized_model(tmp_path, samples):
    model = write_qdq(program_of(tmp_path, samples).program, {0: (0.5,) * 9})
    assert b"TopK" in model


def test_graph_with_two_outputs_is_written_and_read_as_text(tmp_path):
    graph = canonicalize(read(write_model(tmp_path, ["best", "where"])).graph)
    verify_graph(graph)
    again = graph_from_text(graph_to_text(graph), graph.constants, GRAPH_OPS)
    assert again.nodes == graph.nodes
    assert again.nodes[-1].outputs == ("best", "where")


def test_indices_returned_twice_are_copied(tmp_path):
    """Two ports need memory of their own, also for int32."""
    shapes = {"x": (1, 5), "v": (1, 2), "i": (1, 2)}
    index = QuantParams((1.0,), 0, DType.INT32)
    params = {"x": quant(), "v": quant(), "i": index}
    tensors = {name: Tensor(name, shapes[name], params[name].dtype, params[name]) for name in shapes}
    ports = [
        Port(name, tensor, shapes[tensor], (0, 1))
        for name, tensor in (("i", "i"), ("again", "i"), ("v", "v"))
    ]
    node = Node("top", TopK(2), ("x",), ("v", "i"))
    graph = Graph(Stage.QUANTIZED, (node,), tensors, {}, (Port("x", "x", (1, 5), (0, 1)),), tuple(ports))
    program = lower_graph(graph, Rounding.DOUBLE, ORIGIN)
    plan = plan_program(program, "host")
    assert [call.kernel for call in plan.calls] == ["mcuq_topk_s8", "mcuq_copy_s32"]
    require("cc")
    write_firmware(tmp_path, plan)
    report = verify_firmware(tmp_path, plan, "net", standard_inputs(program, None, 5))
    assert report.first_difference is None


@pytest.mark.parametrize("attrs", [{"largest": 0}, {"sorted": 0}, {"largest": 0, "sorted": 0}])
def test_smallest_and_unsorted_values_are_found(tmp_path, samples, attrs):
    require("cc")
    model = write_model(tmp_path, ["best", "where"], **attrs)
    result = build(model, "host", calibration=CalibrationData(samples), output=tmp_path / "net", name="net")
    assert result.report.first_difference is None
    feeds = {"x": samples.array("x")}
    program = result.plan.program
    found = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))
    float_model = onnx.load(model)
    float_model.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
    rows = [run(float_model.SerializeToString(), {"x": x}) for x in feeds["x"]]
    for name, least in (("where", 0.9), ("best", 0.98)):
        # Those that need not be sorted come in any order.
        expected = np.sort(np.stack([row[name] for row in rows]), axis=-1)
        is_near = np.abs(np.sort(found[name], axis=-1) - expected) < 0.1
        assert is_near.mean() > least


@pytest.mark.parametrize("is_smallest", [0, 1])
def test_topk_along_another_axis(tmp_path, is_smallest):
    net = Net(x=(2, 5, 3), z=(2, 5, 1))
    k = net.const(np.array([2], np.int64))
    attrs = {"axis": 1, "largest": 1 - is_smallest}
    net.add("TopK", "x", k, outputs=["values", "unread"], **attrs)
    net.add("TopK", "z", k, outputs=["unread too", "places"], **attrs)
    model = net.model("values", "places")
    model.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.INT64
    built = check_built(model, tmp_path)
    assert (built.expected["places"] == built.found["places"]).mean() > 0.9


def test_indices_along_an_axis_before_others_are_refused(tmp_path):
    net = Net(x=(2, 5, 3))
    net.add("TopK", "x", net.const(np.array([2], np.int64)), outputs=["values", "places"], axis=1)
    with pytest.raises(McuqError) as caught:
        read(save(net.model("values", "places"), tmp_path))
    assert caught.value.problems[0].code == "M004"
    assert "indices along axis 1 are used" in caught.value.problems[0].why
