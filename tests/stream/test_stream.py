"""`--stream`: programs that take a hop give, code by code, what the program of the window gives."""

import dataclasses

import numpy as np
import onnx
import pytest

from mcuq import api
from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.simulate import initial_state, simulate_sequence, simulate_together, trace_plan
from mcuq.stream.stream import stream_program, stream_record
from mcuq.stream.timeline import merged_axis, same_axis
from tests.cli.runner import run
from tests.shared_data import shared_file
from tests.small_models import Net
from tests.stream.compared import compare, random_frames, window_program
from tests.stream.networks import random_network

TIME = 2  # of [1, C, T] and [1, C, T, F]
QUICK = QuantOptions(weight_rounding="nearest", equalize="off", samples=4)


@pytest.mark.parametrize("seed", range(40))
def test_stream_gives_the_codes_of_every_window(tmp_path, seed):
    network, end = random_network(seed)
    program = window_program(network.save(tmp_path / "m.onnx"))
    stream = stream_program(program, TIME, None)
    record = stream_record(stream)
    assert network.stride % record.hop == 0 or end != "columns"
    ((compared, head),) = compare(program, stream, seed, is_causal=network.is_causal).values()
    # The rewriter must not claim that padding reaches further than it does.
    assert compared > 0 and head <= (network.line.head if end == "columns" else 0)
    # Past columns are state, and nothing of the window is computed again.
    if end != "flat":
        macs, every = (
            sum(step.op.macs(each.tensors[step.output].shape) for step in each.steps)
            for each in (stream, program)
        )
        assert macs <= every


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("seed", [0, 2, 5, 7, 9, 12, 16, 20])
def test_longer_hops_give_the_same(tmp_path, seed, factor):
    network, _ = random_network(seed)
    program = window_program(network.save(tmp_path / "m.onnx"))
    least = stream_record(stream_program(program, TIME, None)).hop
    hop = least * factor
    if hop > network.window:
        with pytest.raises(McuqError, match="no such hop"):
            stream_program(program, TIME, hop)
        return
    ((compared, _),) = compare(
        program, stream_program(program, TIME, hop), is_causal=network.is_causal
    ).values()
    assert compared > 0


@pytest.mark.parametrize("seed", [1, 4, 9, 12, 18])
def test_plans_of_streams_compute_what_their_programs_do(tmp_path, seed):
    network, _ = random_network(seed)
    stream = stream_program(window_program(network.save(tmp_path / "m.onnx")), TIME, None)
    record = stream_record(stream)
    frames = random_frames(stream, record.axis, 6 * record.hop, seed)
    plan = plan_program(dataclasses.replace(stream, keeps_channels=True), "cortex-m4")
    codes = [
        np.stack(np.split(x, 6, axis=record.axis)).transpose(0, *(axis + 1 for axis in port.perm))
        for x, port in zip(frames, stream.inputs, strict=True)
    ]
    codes = [
        x.reshape(6, *stream.tensors[port.tensor].shape) for x, port in zip(codes, stream.inputs, strict=True)
    ]
    expected, _ = simulate_sequence(stream, codes, initial_state(stream))
    storage = stream.storage(stream.outputs[0].tensor)
    found = [
        y
        for _, step, ys in trace_plan(plan, codes)
        for tensor, y in zip(step.outputs, ys, strict=True)
        if stream.storage(tensor) == storage
    ]
    np.testing.assert_array_equal(expected[0].reshape(6, -1), found[-1].reshape(6, -1))
    together = list(simulate_together(stream, ([x[at : at + 1] for x in codes] for at in range(6))))
    np.testing.assert_array_equal(expected[0], np.concatenate([ys[0] for ys in together]))


def tcn(path, *, window=24, pads=None, end="mean", channels=3):
    """Two convolutions over time and one value of all."""
    net = Net(x=[1, channels, window])
    x = net.conv("x", channels, 6, [3], pads=pads)
    x = net.add("Relu", x)
    x = net.conv(x, 6, 5, [3], dilations=[2])
    if end == "mean":
        x = net.add("GlobalAveragePool", x)
        x = net.add("Flatten", x)
        x = net.add("MatMul", x, net.random(5, 4))
    onnx.save(net.model(x), path)
    return path


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "rv32imc"])
def test_firmware_of_a_stream_is_verified_and_evaluated(tmp_path, target):
    path = tcn(tmp_path / "m.onnx")
    data = np.random.default_rng(0).normal(size=(8, 1, 3, 24)).astype(np.float32)
    np.save(tmp_path / "x.npy", data)
    words = ("build", path, "--target", target, "--calibration", tmp_path / "x.npy", "--name", "m")
    result = run(
        *words, "--stream", "-1", "--hop", "2", "--verify", "emulator", "--output", tmp_path / "s", "--json"
    )
    assert result.code == 0, result.err
    assert result.json["verify"]["identical"] is True
    assert result.json["state_bytes"] > 0
    assert run(*words, "--output", tmp_path / "w").code == 0
    scores = [api.evaluate(tmp_path / each, path, {"x": data}).outputs for each in ("s", "w")]
    assert scores[0] == scores[1]
    # The stored window becomes the same stream.
    stored = tmp_path / "w/m.mcuq.npz"
    words = ("build", stored, "--target", target, "--stream", "2", "--hop", "2", "--output", tmp_path / "t")
    assert run(*words, "--name", "m", "--verify", "none").code == 0
    for name in ("src/m.c", "src/m_weights.c"):
        assert (tmp_path / "s" / name).read_bytes() == (tmp_path / "t" / name).read_bytes()
    result = run("build", tmp_path / "s/m.mcuq.npz", "--target", target, "--stream", "2")
    assert result.code == 2 and "O013" in result.err


def test_columns_of_a_stream_are_evaluated_as_those_of_windows(tmp_path):
    path = tcn(tmp_path / "m.onnx", end="columns")
    data = np.random.default_rng(0).normal(size=(8, 1, 3, 24)).astype(np.float32)
    for name, stream in (("s", 2), ("w", None)):
        options = dataclasses.replace(QUICK, stream=stream)
        source = CalibrationData(Samples.from_arrays({"x": data}))
        build(
            path, "host", calibration=source, options=options, output=tmp_path / name, name="m", verify="none"
        )
    scores = [api.evaluate(tmp_path / each, path, {"x": data}).outputs for each in ("s", "w")]
    assert scores[0] == scores[1]


def test_streaming_wakeword_is_a_stream():
    model = shared_file("mlperf_tiny/models/sww_dscnn.onnx")
    data = np.load(shared_file("mlperf_tiny/data/sww.npz"))["cal_specs"][:8]
    source = CalibrationData(Samples.from_arrays({"input": data}))
    program = compile_model(calibrate_model(read(model), source, QUICK), QUICK).program
    stream = stream_program(program, 1, None)
    assert [(each.initial.shape[1], each.initial.shape[3]) for each in stream.state] == [
        (2, 40),
        (4, 128),
        (9, 128),
        (14, 128),
    ]
    macs = [
        sum(step.op.macs(each.tensors[step.output].shape) for step in each.steps)
        for each in (stream, program)
    ]
    assert macs == [46_040, 826_368]
    assert compare(program, stream) == {"output": (63, 0)}
    assert compare(program, stream_program(program, 1, 3))["output"][0] > 0


def refused(tmp_path, net, *outputs, axis=TIME, hop=None):
    path = tmp_path / "m.onnx"
    onnx.save(net.model(*outputs), path)
    with pytest.raises(McuqError) as caught:
        stream_program(window_program(path), axis, hop)
    return caught.value


def test_padding_behind_the_window_is_refused_by_name(tmp_path):
    net = Net(x=[1, 3, 16])
    x = net.conv("x", 3, 4, [3], pads=[1, 1], name="centred")
    y = net.conv(net.add("Relu", x), 4, 2, [1])
    error = refused(tmp_path, net, y)
    assert [problem.code for problem in error.problems] == ["M012"]
    assert "centred" in str(error) and "pads behind the window" in str(error)
    assert "pad in front alone" in error.problems[0].fix


def test_padding_that_is_cut_off_again_is_causal(tmp_path):
    """As TCNs are written: padded on both sides, and what looks ahead thrown away."""
    net = Net(x=[1, 3, 16])
    x = net.conv("x", 3, 4, [3], pads=[4, 4], dilations=[2])
    ends = [net.const(np.int64([each])) for each in (0, -4, 2)]
    y = net.conv(net.add("Relu", net.add("Slice", x, *ends)), 4, 2, [1])
    onnx.save(net.model(y), tmp_path / "m.onnx")
    program = window_program(tmp_path / "m.onnx")
    ((compared, head),) = compare(program, stream_program(program, TIME, None), is_causal=True).values()
    assert compared > 0 and head == 4


def test_a_mean_of_padded_columns_is_refused(tmp_path):
    net = Net(x=[1, 3, 16])
    x = net.conv("x", 3, 4, [3], pads=[2, 0], name="causal")
    error = refused(tmp_path, net, net.add("GlobalAveragePool", x))
    assert "looks at all of the window" in str(error) and "causal" in str(error)


def test_layers_over_all_of_time_are_refused_together(tmp_path):
    net = Net(x=[1, 3, 16])
    a = net.add("InstanceNormalization", "x", net.const(np.ones(3)), net.const(np.ones(3)), name="over_time")
    b = net.add("Softmax", "x", axis=2, name="along_time")
    c = net.add("Mul", "x", net.add("Sigmoid", net.add("GlobalAveragePool", "x")), name="squeeze")
    d = net.add("Add", net.conv("x", 3, 4, [2], pads=[1, 0]), net.random(1, 4, 16), name="positions")
    error = refused(tmp_path, net, *(net.add("Relu", each) for each in (a, b, c, d)))
    text = str(error)
    for expected in (
        "normalizes over time",
        "all columns of a window",
        "value of the whole window",
        "a constant of it is another one",
    ):
        assert expected in text, expected
    assert len(error.problems) == 4
    assert {"M012"} == {problem.code for problem in error.problems}


def test_recurrent_layers_are_refused(tmp_path):
    net = Net(x=[12, 1, 3])
    weights = [net.random(1, 12, 3), net.random(1, 12, 4)]
    y = net.add("GRU", "x", *weights, hidden_size=4)
    error = refused(tmp_path, net, net.add("Relu", y), axis=0)
    assert "gru" in str(error) and "--state" in str(error)


def test_strides_decide_the_hop(tmp_path):
    net = Net(x=[1, 2, 20])
    x = net.conv("x", 2, 3, [3], strides=[2])
    y = net.conv(x, 3, 2, [2], strides=[2])
    onnx.save(net.model(y), tmp_path / "m.onnx")
    program = window_program(tmp_path / "m.onnx")
    assert stream_record(stream_program(program, TIME, None)).hop == 4
    for hop in (1, 2, 3, 6, 24, 0, -4):
        with pytest.raises(McuqError, match="multiple of 4"):
            stream_program(program, TIME, hop)
    net = Net(x=[1, 2, 6])
    x = net.conv("x", 2, 2, [1], strides=[2])
    y = net.conv(net.conv(x, 2, 2, [1]), 2, 2, [1], strides=[2])
    long = net.add("Concat", y, y, axis=1)
    onnx.save(net.model(long), tmp_path / "m.onnx")
    assert stream_record(stream_program(window_program(tmp_path / "m.onnx"), TIME, None)).hop == 4


@pytest.mark.parametrize("axis", [0, 3, -4, 1 << 40])
def test_axes_that_are_no_time_are_refused(tmp_path, axis):
    program = window_program(tcn(tmp_path / "m.onnx"))
    with pytest.raises(McuqError, match="axis of time"):
        stream_program(program, axis, None)


def test_options_of_a_stream_need_each_other(tmp_path):
    path = tcn(tmp_path / "m.onnx")
    result = run("build", path, "--target", "host", "--hop", "2", "--output", tmp_path / "fw")
    assert result.code == 2 and "O013" in result.err
    result = run(
        "build", path, "--target", "host", "--stream", "2", "--hop", "0", "--output", tmp_path / "fw"
    )
    assert result.code == 2 and not (tmp_path / "fw").exists()


def test_records_that_make_no_sense_are_no_records(tmp_path):
    stream = stream_program(window_program(tcn(tmp_path / "m.onnx")), TIME, None)
    assert stream_record(stream) is not None
    for key, value in [
        ("stream.axis", "7"),
        ("stream.hop", "99"),
        ("stream.hop", "x"),
        ("stream.window", "9" * 40),
        (f"stream.output.{stream.outputs[0].name}", "axis 9, delay 0, head 0"),
    ]:
        options = tuple({**dict(stream.origin.options), key: value}.items())
        origin = dataclasses.replace(stream.origin, options=options)
        assert stream_record(dataclasses.replace(stream, origin=origin)) is None


def test_axes_of_views_are_found():
    assert same_axis((1, 1, 8, 3), 2, (1, 8, 3)) == 1
    assert same_axis((1, 8, 3), 1, (1, 24)) is None
    assert merged_axis((1, 8, 3), 1, (1, 24)) == 1
    assert merged_axis((1, 8, 3), 1, (1, 4, 6)) is None
