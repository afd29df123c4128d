"""What leaves: QDQ models that onnxruntime runs, encodings that give the same firmware, TensorRT's ranges."""

import dataclasses
import json

import numpy as np
import onnx
import pytest

from mcuq.errors import McuqError
from mcuq.interchange.carried import encodings_text
from mcuq.interchange.program import layer_scales, recover_scale
from mcuq.interchange.tensorrt import cache_text, ranges_text, symmetric_ranges
from mcuq.ir.integer import quantize_multiplier
from mcuq.ir.store import program_to_npz
from mcuq.ir.types import DType, QuantParams
from mcuq.ops.conv import ConvStep
from mcuq.ops.onnx import write as onnx_write
from mcuq.ops.onnx.registry import step_writers
from mcuq.ops.onnx.write import write_qdq
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import NEAREST, compile_with, samples, samples_of, small_model, write
from tests.small_models import Net, run, save

COUNT = 24


def vision_net() -> Net:
    """Every kind of layer that works on images."""
    net = Net(image=[1, 2, 6, 6])
    a = net.add("Relu", net.conv("image", 2, 4, (3, 3), pads=[1, 1, 1, 1]))
    b = net.add("Clip", net.conv(a, 4, 4, (3, 3), group=4, pads=[1, 1, 1, 1]), net.const(0.0), net.const(6.0))
    c = net.conv(a, 4, 4, (1, 1))
    y = net.add("Relu", net.add("Add", b, c))
    y = net.add("Concat", y, net.add("Sigmoid", c), net.add("HardSwish", b), axis=1)
    y = net.add("AveragePool", y, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    y = net.add("Pad", y, net.const(np.array([0, 0, 1, 0, 0, 0, 0, 1])), net.const(0.25))
    y = net.add("Resize", y, "", net.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    y = net.add("Slice", y, *(net.const(np.array(v)) for v in ([1, 0], [7, 8], [1, 3])))
    y = net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    net.add("Sub", net.add("Tanh", y), net.random(1, 6, 4, 4), outputs=["y"])
    pooled = net.add("Flatten", net.add("GlobalAveragePool", y))
    net.add("Softmax", net.add("Gemm", pooled, net.random(6, 5), net.random(5)), outputs=["p"])
    return net


def vector_net() -> Net:
    """Layers on rows, products, transposes and indices."""
    net = Net(x=[1, 4, 6])
    y = net.add("Add", net.add("MatMul", "x", net.random(6, 8)), net.random(8))
    gate = net.add("Sigmoid", net.add("MatMul", "x", net.random(6, 8)))
    y = net.add("Mul", y, gate)
    y = net.add("Mul", y, net.random(1, 4, 8))
    net.add("Transpose", y, perm=[0, 2, 1], outputs=["turned"])
    net.add("ReduceMean", y, axes=[1], outputs=["mean"])
    net.add("LeakyRelu", y, alpha=0.1, outputs=["leaky"])
    return net


def attention_net() -> Net:
    """Weights of attention in int16, from int16 scores and, behind a mask, from int8 ones."""
    net = Net(x=[2, 6, 8])
    q, k, v = (net.add("MatMul", "x", net.random(8, 8)) for _ in range(3))
    scores = net.add("MatMul", q, net.add("Transpose", k, perm=[0, 2, 1]))
    net.add("MatMul", net.add("Softmax", scores, axis=-1), v, outputs=["y"])
    masked = net.add("Add", scores, net.random(6, 6))
    net.add("MatMul", net.add("Softmax", masked, axis=-1), v, outputs=["z"])
    other = net.add("MatMul", k, net.add("Transpose", q, perm=[0, 2, 1]))
    net.add("MatMul", net.add("Softmax", other, axis=-1), v, outputs=["own"])
    return net


def compiled(net, outputs, folder, rounding="double"):
    model = save(net.model(*outputs), folder)
    (name,) = [value.name for value in net.inputs]
    shape = [dim.dim_value for dim in net.inputs[0].type.tensor_type.shape.dim]
    data = np.random.default_rng(5).normal(size=(COUNT, *shape)).astype(np.float32)
    options = dataclasses.replace(NEAREST, rounding=rounding)
    program = compile_with(model, data=samples_of(name, data), options=options).program
    return program, {name: data}


def exported(program, is_plain=False):
    scales = {index: layer.scale for index, layer in layer_scales(program).items()}
    return write_qdq(program, scales, is_plain)


def codes_off(program, model, feeds):
    """By how many codes onnxruntime differs from the simulator, for every value of every output."""
    expected = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))
    steps = {port.name: program.tensors[port.tensor].quant.step for port in program.outputs}
    count = len(next(iter(feeds.values())))
    found = [run(model, {name: array[i] for name, array in feeds.items()}) for i in range(count)]
    return {
        name: np.abs(np.stack([each[name] for each in found]) - expected[name]) / step
        for name, step in steps.items()
    }


@pytest.mark.parametrize("rounding", ["double", "single"])
@pytest.mark.parametrize(
    "build,outputs",
    [
        (vision_net, ["y", "p"]),
        (vector_net, ["turned", "mean", "leaky"]),
        (attention_net, ["y", "z", "own"]),
    ],
)
def test_qdq_in_onnxruntime_agrees_with_the_simulator(tmp_path, build, outputs, rounding):
    program, feeds = compiled(build(), outputs, tmp_path, rounding)
    model = exported(program)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    for name, off in codes_off(program, model, feeds).items():
        # A softmax is the float one; everything else is computed in the integers of the program.
        assert off.max() < (0.5 if build is not attention_net and name != "p" else 1.5), name


def test_qdq_that_is_plain_has_only_patterns_that_other_tools_fuse(tmp_path):
    program, feeds = compiled(vision_net(), ["y", "p"], tmp_path)
    model = onnx.load_from_string(exported(program, is_plain=True))
    kinds = {node.op_type for node in model.graph.node}
    assert "Sign" not in kinds
    producers = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            assert all(producers[name].op_type == "DequantizeLinear" for name in node.input[1:])
    for name, off in codes_off(program, model.SerializeToString(), feeds).items():
        assert (off < 1.5).mean() >= 0.95, name


def test_qdq_weights_are_codes_with_a_scale_per_channel(tmp_path):
    program, _ = compiled(vision_net(), ["y", "p"], tmp_path)
    model = onnx.load_from_string(exported(program))
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    nodes = {node.input[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    scales = layer_scales(program)
    for index, step in enumerate(program.steps):
        if not isinstance(step.op, ConvStep):
            continue
        weights, bias = (f"{step.name}.{part}_quantized" for part in ("weight", "bias"))
        np.testing.assert_array_equal(step.op.params.weights.transpose(0, 3, 1, 2), stored[weights])
        np.testing.assert_array_equal(step.op.params.bias, stored[bias])
        assert (stored[weights].dtype, stored[bias].dtype) == (np.int8, np.int32)
        assert [(a.name, a.i) for a in nodes[weights].attribute] == [("axis", 0)]
        np.testing.assert_array_equal(np.float32(scales[index].scale), stored[f"{step.name}.weight_scale"])


@pytest.mark.parametrize("build,outputs", [(vision_net, ["y", "p"]), (small_model, None)])
def test_qdq_read_again_computes_the_same_codes(tmp_path, build, outputs):
    if outputs is None:
        program = compile_with(build(tmp_path), data=samples()).program
        feeds = {"image": np.random.default_rng(2).normal(size=(8, 1, 2, 6, 6)).astype(np.float32)}
    else:
        net = vision_net()
        # Functions without a name in ONNX are looked up, which is not read again.
        for node in net.nodes:
            if node.op_type == "HardSwish":
                node.op_type = "Tanh"
        program, feeds = compiled(net, outputs, tmp_path)
    path = tmp_path / "again.onnx"
    path.write_bytes(exported(program, is_plain=True))
    again = compile_with(path)
    assert again.program.origin.ranges.value == "embedded"
    expected = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))
    found = dequantize_outputs(
        again.program, simulate_program(again.program, quantize_inputs(again.program, feeds))
    )
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name])
    assert all(note.outcome.value != "changed" for note in again.imported)


def test_qdq_of_a_step_without_form_is_refused(tmp_path, monkeypatch):
    program = compile_with(small_model(tmp_path), data=samples()).program
    left = {op: each for op, each in step_writers().items() if op is not ConvStep}
    monkeypatch.setattr(onnx_write, "step_writers", lambda: left)
    with pytest.raises(McuqError) as caught:
        exported(program)
    (problem,) = caught.value.problems
    assert problem.code == "Q011"
    assert "conv2d" in problem.where
    assert problem.why == "mcuq has no writer yet that expresses conv2d in ONNX's operators"


@pytest.mark.parametrize("scheme", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("weights", ["per-channel", "per-tensor"])
def test_own_encodings_give_the_same_program_again(tmp_path, scheme, weights):
    options = dataclasses.replace(
        NEAREST, activations=scheme, weights=weights, input_ranges={"image": (-2.0, 3.0)}
    )
    model = save(vision_net().model("y", "p"), tmp_path)
    rng = np.random.default_rng(8)
    data = samples_of("image", rng.normal(size=(6, 1, 2, 6, 6)).astype(np.float32))
    first = compile_with(model, data=data, options=options).program
    path = write(tmp_path, encodings_text(first))
    second = compile_with(model, path, options=options)
    assert program_to_npz(first) == program_to_npz(second.program)
    assert {note.outcome.value for note in second.imported} <= {"used", "own"}


def test_own_encodings_are_deterministic_and_exact(tmp_path):
    program = compile_with(small_model(tmp_path), data=samples()).program
    text = encodings_text(program)
    assert text == encodings_text(program)
    document = json.loads(text)
    for tensor in program.tensors:
        row = document["activations"][tensor.name]
        assert tensor.quant.step == float.fromhex(row["scale"])
        assert tensor.quant.zero_point == row["zero_point"]


def test_weight_scale_is_recovered_from_its_multiplier():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        x, w, y = (float(np.float32(2.0 ** rng.uniform(-12, 3))) for _ in range(3))
        assert w == recover_scale(*quantize_multiplier(x * w / y), x, y)
    assert recover_scale(0, 0, 1.0, 1.0) is None


def test_tensorrt_ranges_widen_what_is_not_symmetric():
    ranges = symmetric_ranges(
        {
            "symmetric": QuantParams((0.5,), 0, DType.INT8),
            "positive": QuantParams((0.5,), -128, DType.INT8),
            "both": QuantParams((0.5,), 27, DType.INT8),
        }
    )
    assert ranges["symmetric"].widened is None
    assert ranges["symmetric"].amax == 63.5
    assert ranges["positive"].widened == (0.0, 127.5)
    assert ranges["positive"].amax >= 127.5
    assert ranges["both"].widened == (-77.5, 50.0)
    assert ranges["both"].amax == pytest.approx(77.5, rel=1e-6)
    header, *lines = cache_text(ranges).splitlines()
    assert header.startswith("TRT-") and header.endswith("-EntropyCalibration2")
    rows = dict(line.split(": ") for line in lines)
    for name, each in ranges.items():
        assert each.scale == np.frombuffer(bytes.fromhex(rows[name]), ">f4")[0]
    assert json.loads(ranges_text(ranges))["act_quant_info"]["symmetric"] == 63.5


def test_tensorrt_cache_leaves_names_of_several_lines_out():
    ranges = symmetric_ranges({"a\nb: 00000000": QuantParams((0.5,), 0, DType.INT8)})
    assert len(cache_text(ranges).splitlines()) == 1
