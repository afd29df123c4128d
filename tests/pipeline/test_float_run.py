"""One session and one pass over the samples for all that a build wants of the float model."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

import mcuq.calibrate.run
from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import Listener
from mcuq.frontend import read
from mcuq.onnxio.export.join import join_models
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.stats import measure_sensitivity
from tests.project.source import ROOT
from tests.small_models import Net, random_feeds, run, save

DIGITS = ROOT / "firmware_examples" / "digits"


@pytest.fixture
def opened(monkeypatch):
    """The models that sessions were opened for."""
    models, open_session = [], mcuq.calibrate.run.open_session

    def count(model, **options):
        models.append(model)
        return open_session(model, **options)

    monkeypatch.setattr(mcuq.calibrate.run, "open_session", count)
    return models


def spread_model(folder):
    """A network whose channels differ so much that equalization is worth a trial, with a normalization."""
    net = Net(x=[1, 3, 8, 8])
    factors = 2.0 ** np.linspace(-6, 6, 8)
    w = np.random.default_rng(0).normal(size=(8, 3, 3, 3)) * factors.reshape(-1, 1, 1, 1)
    y = net.add("Conv", "x", net.const(w), net.const(np.zeros(8)))
    y = net.batchnorm(y, 8)
    y = net.add("Relu", y)
    v = np.random.default_rng(1).normal(size=(4, 8, 3, 3)) / factors.reshape(1, -1, 1, 1)
    y = net.add("Conv", y, net.const(v), net.const(np.zeros(4)))
    return save(net.model(y), folder)


def spread_data():
    x = np.random.default_rng(2).normal(size=(16, 1, 3, 8, 8)).astype(np.float32)
    return CalibrationData(Samples.from_arrays({"x": x}))


def test_calibrating_build_opens_one_session(opened):
    options = QuantOptions()
    data = CalibrationData(DIGITS / "calibration.npy")
    found = compile_best(calibrate_model(read(DIGITS / "model.onnx"), data, options), options)
    assert found.weights is not None and found.weights.layers
    assert len(opened) == 1


def test_equalized_graph_is_another_float_model_with_one_session_of_its_own(opened, tmp_path):
    options = QuantOptions()
    found = compile_best(calibrate_model(read(spread_model(tmp_path)), spread_data(), options), options)
    assert found.weights.equalization is not None
    assert len(opened) == 2


@pytest.mark.parametrize("data", [None, "calibration.npy"])
def test_ranges_alone_take_one_session(opened, data):
    data = None if data is None else CalibrationData(DIGITS / data)
    calibrate_model(read(DIGITS / "model.onnx"), data, QuantOptions())
    assert len(opened) == 1


def test_choosing_ranges_again_keeps_the_session(opened):
    data = CalibrationData(DIGITS / "calibration.npy")
    measure_sensitivity(read(DIGITS / "model.onnx"), data, QuantOptions(samples=16))
    assert len(opened) == 2  # of the canonical graph, and of its optimized outputs as the truth


def test_listeners_see_the_samples_and_tensors_they_want(tmp_path):
    net = Net(x=[1, 2, 3, 3])
    y = net.add("Relu", net.conv("x", 2, 4, (1, 1)))
    y = net.add("MaxPool", y, kernel_shape=[3, 3])
    graph = canonicalize(read(save(net.model(y), tmp_path)).graph)
    x = np.random.default_rng(0).normal(size=(5, 1, 2, 3, 3)).astype(np.float32)
    inner = graph.nodes[0].output
    seen = {"all": [], "some": []}
    progress = []
    FloatRun(graph, ["x", inner]).listen(
        Samples.from_arrays({"x": x}),
        [Listener(("x",), seen["all"].append), Listener((inner, "x"), seen["some"].append, {1, 3})],
        lambda done, total: progress.append((done, total)),
    )
    assert progress == [(done, 5) for done in range(1, 6)]
    assert [set(values) for values in seen["all"]] == [{"x"}] * 5
    assert [set(values) for values in seen["some"]] == [{inner, "x"}] * 2
    np.testing.assert_array_equal(
        x[[1, 3]].transpose(0, 1, 3, 4, 2), np.concatenate([values["x"] for values in seen["some"]])
    )
    assert all(values[inner].shape == (1, *graph.tensors[inner].shape) for values in seen["some"])


def test_joined_models_compute_what_each_of_them_does(tmp_path):
    path = spread_model(tmp_path)
    graph = read(path).graph
    canonical = canonicalize(graph)
    wanted = graph.nodes[0].output if graph.nodes[0].output != "x" else graph.nodes[1].output
    (model, other) = (write_graph(canonical), write_graph(graph, [wanted]))
    joined, names = join_models(model, other, [wanted])
    onnx.checker.check_model(onnx.load_model_from_string(joined), full_check=True)
    feeds = random_feeds(graph)
    expected = {**run(model, feeds), names[wanted]: run(other, feeds)[wanted]}
    found = run(joined, feeds)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name])


def test_joined_models_leave_out_what_is_not_wanted(tmp_path):
    graph = read(spread_model(tmp_path)).graph
    first = graph.nodes[1].output
    model, other = write_graph(canonicalize(graph)), write_graph(graph, [first])
    joined, _ = join_models(model, other, [first])
    sizes = [len(onnx.load_model_from_string(each).graph.node) for each in (model, other, joined)]
    assert sizes[0] < sizes[2] < sizes[0] + sizes[1]


def test_joined_models_do_not_mix_up_names(tmp_path):
    """A tensor may have any name, also one like those that are made."""
    net = Net(x=[1, 4])
    y = net.add("Relu", "x")
    model = net.model(y)
    model.graph.node[0].output[0] = model.graph.output[0].name = "as read: y"
    data = write_graph(read(save(model, tmp_path)).graph)
    joined, names = join_models(data, data, ["as read: y"])
    found = run(joined, {"x": np.array([[-1, 0, 1, 2]], np.float32)})
    assert list(found) == ["as read: y", names["as read: y"]] and len(found) == 2


@pytest.mark.slow
def test_ten_times_the_samples_need_no_more_memory(tmp_path):
    """All of a calibrated compilation: ranges, channels, references, warnings."""
    code = (
        "import resource, sys; from pathlib import Path;"
        "from mcuq.frontend import read; from mcuq.options import QuantOptions;"
        "from mcuq.pipeline.equalizing import compile_best;"
        "from mcuq.pipeline.calibrate import calibrate_model;"
        "from mcuq.pipeline.calibration import CalibrationData;"
        "options = QuantOptions(samples=int(sys.argv[2]));"
        "data = CalibrationData(Path(sys.argv[2]));"
        "compile_best(calibrate_model(read(Path(sys.argv[1])), data, options), options);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    net = Net(x=[1, 3, 64, 64])
    y = net.add("Relu", net.conv("x", 3, 8, (3, 3)))
    path = save(net.model(net.conv(y, 8, 4, (3, 3))), tmp_path)
    peaks = []
    for count in (128, 1280):
        (tmp_path / str(count)).mkdir()
        for index in range(count):
            x = np.random.default_rng(index).random((3, 64, 64), np.float32)
            np.save(tmp_path / str(count) / f"{index:04}.npy", x)
        found = subprocess.run(
            [sys.executable, "-c", code, str(path), str(count)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(found.stdout))
    # In KiB; the inputs alone of the further samples are 55,296.
    assert peaks[1] - peaks[0] < 6_000, peaks
