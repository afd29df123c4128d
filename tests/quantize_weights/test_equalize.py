"""Cross-layer equalization: which channels are tied, that the function stays, that bad scales are mended."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.graph import Stage
from mcuq.ir.types import freeze
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Stored, calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.measure import Wanted, observe
from mcuq.quantize.equalize.clamps import relax_clamps
from mcuq.quantize.equalize.groups import find_groups
from mcuq.quantize.equalize.judged import judged_tensors
from mcuq.quantize.equalize.network import ALL_BYTES, Precision, RescaledNetwork
from mcuq.quantize.equalize.solve import equalize_graph
from mcuq.quantize.equalize.statistics import ChannelStats
from mcuq.quantize.reference import LEAST_SAMPLES
from mcuq.settings import Override
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.small_models import Net, random_feeds, run, save

DIGITS = Path(__file__).parents[2] / "firmware_examples" / "digits"


def _canonical(net, *outputs, folder):
    return canonicalize(read(save(net.model(*outputs), folder)).graph)


def _stats(graph, feeds):
    samples = Samples.from_arrays({name: np.stack([x] * LEAST_SAMPLES) for name, x in feeds.items()})
    return observe(graph, samples, QuantOptions(), Wanted(equalizes=True)).channels.channels


def _spread(graph, seed, bits=5):
    """The same function with the channels of every group scaled by 2^-bits to 2^bits."""
    rng = np.random.default_rng(seed)
    names = [node.output for node in graph.nodes] + [port.tensor for port in graph.inputs]
    shapes = {name: graph.tensors[name].shape[-1:] for name in names}
    network = RescaledNetwork(graph, {name: _flat_stats(shape) for name, shape in shapes.items()}, True)
    groups = find_groups(network.graph)
    assert groups
    for group in groups:
        network.divide(group, 2.0 ** rng.uniform(-bits, bits, group.channels))
    arrays = {name: freeze(array, "float32") for name, array in network.weights.items()}
    return dataclasses.replace(network.graph, constants={**network.graph.constants, **arrays})


def _flat_stats(shape):
    one = np.ones(shape)
    return ChannelStats(-one, one, one, one)


def _tied(graph):
    """Channels, producers and consumers of every group, by kind."""
    return [(g.channels, len(g.producers), len(g.consumers)) for g in find_groups(graph)]


def test_groups_of_a_chain_are_its_pairs(tmp_path):
    net = Net(x=[1, 3, 8, 8])
    y = net.add("Relu", net.conv("x", 3, 8, (3, 3)))
    y = net.add("LeakyRelu", net.conv(y, 8, 8, (3, 3), group=8), alpha=0.25)
    y = net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = net.add("Flatten", net.conv(y, 8, 4, (1, 1)))
    y = net.add("Gemm", y, net.random(16, 5), net.random(5))
    assert _tied(_canonical(net, y, folder=tmp_path)) == [(8, 1, 1), (8, 1, 1), (4, 1, 1)]


def test_groups_follow_residual_additions(tmp_path):
    net = Net(x=[1, 3, 8, 8])
    stem = net.add("Relu", net.conv("x", 3, 6, (1, 1)))
    branch = net.conv(stem, 6, 6, (1, 1))
    joined = net.add("Relu", net.add("Add", stem, branch))
    y = net.conv(joined, 6, 2, (1, 1))
    assert _tied(_canonical(net, y, folder=tmp_path)) == [(6, 2, 2)]


@pytest.mark.parametrize("stop", ["Sigmoid", "Clip", "output", "constant"])
def test_groups_end_at_what_does_not_scale(tmp_path, stop):
    net = Net(x=[1, 3, 4, 4])
    y = net.conv("x", 3, 6, (1, 1))
    outputs = []
    if stop == "output":
        outputs = [y]
    elif stop == "constant":
        y = net.add("Add", net.add("Relu", y), net.random(1, 6, 4, 4))
    elif stop == "Clip":
        y = net.add("Clip", y, net.const(np.float32(0)), net.const(np.float32(6)))
    else:
        y = net.add(stop, y)
    outputs.append(net.conv(y, 6, 2, (1, 1)))
    assert _tied(_canonical(net, *outputs, folder=tmp_path)) == []


def test_equalize_keeps_what_the_graph_computes(tmp_path):
    net = Net(x=[1, 3, 8, 8])
    stem = net.add("Relu", net.conv("x", 3, 6, (3, 3), pads=[1, 1, 1, 1]))
    branch = net.add("Relu", net.conv(stem, 6, 12, (3, 3), group=6, pads=[1, 1, 1, 1]))
    branch = net.conv(branch, 12, 6, (1, 1), group=2)
    y = net.add("GlobalAveragePool", net.add("Relu", net.add("Add", stem, branch)))
    y = net.add("Gemm", net.add("Flatten", y), net.random(6, 5), net.random(5))
    graph = _spread(_canonical(net, y, folder=tmp_path), 3)
    feeds = random_feeds(graph)
    for is_per_channel in (True, False):
        found = equalize_graph(graph, _stats(graph, feeds), is_per_channel)
        assert found.groups > 0 and found.predicted_db > 3
        assert found.graph.stage is Stage.CANONICAL
        expected, got = (run(write_graph(each), feeds)[y] for each in (graph, found.graph))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("narrow", ["weights", "none"])
def test_equalize_weighs_what_is_rounded_coarsely(tmp_path, narrow):
    net = Net(x=[1, 3, 6, 6])
    y = net.add("Relu", net.conv("x", 3, 12, (3, 3)))
    y = net.add("Relu", net.conv(y, 12, 12, (1, 1)))
    graph = _spread(_canonical(net, net.conv(y, 12, 4, (1, 1)), folder=tmp_path), 7, bits=2)
    feeds = random_feeds(graph)
    outputs = [node.output for node in graph.nodes]
    # Fine weights are rounded coarsely too where activations are finer still.
    precision = Precision({outputs[1]: 4}) if narrow == "weights" else Precision(wide=frozenset(outputs))

    def noise(asked):
        found = equalize_graph(graph, _stats(graph, feeds), precision=asked).graph
        # Tensors that were rescaled have other names.
        names = dict(zip((node.output for node in found.nodes), outputs, strict=True))
        bits = {name: precision.bits[old] for name, old in names.items() if old in precision.bits}
        wide = frozenset(name for name, old in names.items() if old in precision.wide)
        return RescaledNetwork(found, _stats(found, feeds), True, Precision(bits, wide)).noise()

    assert noise(precision) < 0.98 * noise(ALL_BYTES)


def test_equalize_names_the_tensors_it_rescaled(tmp_path):
    net = Net(x=[1, 3, 4, 4])
    y = net.conv(net.add("Relu", net.conv("x", 3, 6, (1, 1))), 6, 2, (1, 1))
    graph = _spread(_canonical(net, y, folder=tmp_path), 1)
    found = equalize_graph(graph, _stats(graph, random_feeds(graph))).graph
    before, after = ([node.output for node in each.nodes] for each in (graph, found))
    assert after == [f"{before[0]} [equalized]", before[1]]


def test_equalize_leaves_other_readers_of_a_constant_alone(tmp_path):
    net = Net(x=[1, 4, 4, 4])
    shared = net.random(4, 4, 1, 1)
    y = "x"
    for _ in range(3):
        y = net.add("Relu", net.add("Conv", y, shared, net.random(4)))
    graph = _spread(_canonical(net, net.conv(y, 4, 2, (1, 1)), folder=tmp_path), 5)
    feeds = random_feeds(graph)
    found = equalize_graph(graph, _stats(graph, feeds)).graph
    expected, got = (next(iter(run(write_graph(each), feeds).values())) for each in (graph, found))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_equalize_survives_channels_that_are_never_used(tmp_path):
    net = Net(x=[1, 3, 4, 4])
    w = np.random.default_rng(0).normal(size=(6, 3, 1, 1)).astype(np.float32)
    w[2] = 0  # always the bias
    first = net.add("Conv", "x", net.const(w), net.const(np.array([0, 0, 0, 0, -1e6, 1], np.float32)))
    v = np.random.default_rng(1).normal(size=(2, 6, 1, 1)).astype(np.float32)
    v[:, 3] = 0  # nobody reads it
    y = net.add("Conv", net.add("Relu", first), net.const(v), net.random(2))
    graph = _canonical(net, y, folder=tmp_path)
    feeds = random_feeds(graph)
    found = equalize_graph(graph, _stats(graph, feeds)).graph
    assert all(np.isfinite(array).all() for array in found.constants.values())
    expected, got = (run(write_graph(each), feeds)[y] for each in (graph, found))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_clamp_that_no_sample_reaches_becomes_relu(tmp_path):
    net = Net(x=[1, 3, 4, 4])
    y = net.conv("x", 3, 6, (1, 1))
    y = net.add("Clip", y, net.const(np.float32(0)), net.const(np.float32(6)))
    graph = _canonical(net, net.conv(y, 6, 2, (1, 1)), folder=tmp_path)
    feeds = random_feeds(graph)
    small = {name: 1e-3 * x for name, x in feeds.items()}
    loud = {name: 1e3 * x for name, x in feeds.items()}
    spread = _spread(_relaxed(graph, small), 2)
    assert equalize_graph(spread, _stats(spread, small)).groups == 1
    assert equalize_graph(graph, _stats(graph, loud)).groups == 0


def _relaxed(graph, feeds):
    relaxed = relax_clamps(graph, _stats(graph, feeds))
    assert relaxed != graph
    return relaxed


@pytest.fixture(scope="module")
def digits():
    data = CalibrationData(DIGITS / "calibration.npy")
    return calibrate_model(read(DIGITS / "model.onnx"), data, QuantOptions())


def _accuracy(program):
    images, labels = np.load(DIGITS / "test_images.npy"), np.load(DIGITS / "test_labels.npy")
    port = program.inputs[0]
    codes = quantize_inputs(program, {port.name: images.reshape(-1, *port.model_shape)})
    (found,) = dequantize_outputs(program, simulate_program(program, codes)).values()
    return float((found.reshape(len(labels), -1).argmax(axis=1) == labels).mean())


def _calibrate(calibrated, graph, options):
    seen = observe(graph, calibrated.samples, options, Wanted(fits_weights=True, equalizes=True))
    return dataclasses.replace(
        calibrated, graph=graph, ranges=seen.ranges, reference=seen.reference, channels=seen.channels
    )


@pytest.mark.parametrize("weights", ["per-channel", "per-tensor"])
def test_equalize_auto_recovers_a_network_with_spread_channels(digits, weights):
    options = QuantOptions(weights=weights)
    healthy = _accuracy(compile_best(_calibrate(digits, digits.graph, options), options).program)
    spread = _calibrate(digits, _spread(digits.graph, 7), options)
    off = dataclasses.replace(options, equalize="off")
    assert _accuracy(compile_best(spread, off).program) < healthy - 0.1
    found = compile_best(spread, options)
    assert found.weights.equalization.is_kept and found.weights.equalization.measured_db > 6
    assert ("adjusted.equalization", f"kept:{found.weights.equalization.measured_db:+.1f}dB") in (
        found.program.origin.options
    )
    assert _accuracy(found.program) >= healthy - 0.01


def test_equalize_off_and_nothing_to_gain_change_nothing(digits):
    plain = compile_best(digits, QuantOptions(equalize="off"))
    assert plain.weights.equalization is None and plain.calibrated is digits
    assert plain.program.origin.options == tuple(
        sorted((*QuantOptions(equalize="off").record(), *plain.weights.record()))
    )


def test_judged_tensors_are_logits(digits):
    assert judged_tensors(digits.graph) == ("classifier/gemm",)


@pytest.mark.parametrize("what", ["samples", "few", "overrides"])
def test_equalize_on_says_what_it_lacks(digits, what):
    options = QuantOptions(equalize="on")
    if what == "samples":
        digits = Stored(digits.graph, digits.ranges, digits.model_sha256, ())
    elif what == "few":
        digits = dataclasses.replace(digits, samples=digits.samples.take([0, 1, 2]), channels=None)
    else:
        options = dataclasses.replace(options, overrides=(Override("op", "conv2d", method="minmax"),))
    with pytest.raises(McuqError, match="O013"):
        compile_best(digits, options)
    compile_best(digits, dataclasses.replace(options, equalize="auto"))
