"""Exports of equalized networks: the float model in whose units their parameters are."""

import json

import numpy as np
import onnx
import pytest

from mcuq.interchange.program import layer_scales
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.export import export
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import compile_with
from tests.small_models import Net, run, save

FORMATS = (
    "tensorrt",
    "ppq",
    "ncnn",
    "ort-table",
    "ort-overrides",
    "aimet-0.6.1",
    "aimet-1.0.0",
    "aimet-2.0.0",
)


def uneven_net():
    """Channels of very different size between layers: worth rescaling."""
    net = Net(image=[1, 2, 6, 6])
    size = 10.0 ** np.linspace(-2, 1, 6)

    def conv(x, array, outputs=(), **attrs):
        return net.add("Conv", x, net.const(array), net.const(net.rng.normal(size=len(array))), **attrs)

    y = conv("image", net.rng.normal(size=(6, 2, 3, 3)) * size.reshape(-1, 1, 1, 1), pads=[1, 1, 1, 1])
    y = net.add("Relu", y)
    y = conv(y, net.rng.normal(size=(6, 1, 3, 3)), group=6, pads=[1, 1, 1, 1])
    y = net.add("Relu", y)
    y = conv(y, net.rng.normal(size=(4, 6, 1, 1)) / size.reshape(1, -1, 1, 1))
    pooled = net.add("Flatten", net.add("GlobalAveragePool", net.add("Relu", y)))
    net.add("Gemm", pooled, net.random(4, 5), net.random(5), outputs=["logits"])
    return net


@pytest.fixture(scope="module")
def equalized(tmp_path_factory):
    """The folder of an equalized firmware, and its program."""
    folder = tmp_path_factory.mktemp("equalized")
    model = save(uneven_net().model("logits"), folder)
    data = np.random.default_rng(4).normal(size=(64, 1, 2, 6, 6)).astype(np.float32)
    np.save(folder / "data.npy", data)
    options = QuantOptions(equalize="on")
    result = build(
        model,
        "cortex-m4",
        output=folder / "net",
        name="net",
        verify="none",
        calibration=CalibrationData(folder / "data.npy"),
        options=options,
    )
    return result.directory, result.plan.stored


def feeds(seed=6):
    return {"image": np.random.default_rng(seed).normal(size=(16, 1, 2, 6, 6)).astype(np.float32)}


@pytest.mark.parametrize("form", FORMATS)
def test_export_of_an_equalized_network_writes_the_model_beside(equalized, tmp_path, form):
    directory, _ = equalized
    done = export(directory, form, tmp_path / "net.out")
    assert done.model == tmp_path / "net_rescaled.onnx"
    onnx.checker.check_model(onnx.load(done.model), full_check=True)
    assert (tmp_path / "net.out").stat().st_size > 0


def test_export_in_the_units_of_the_model_writes_none_beside(equalized, tmp_path):
    directory, _ = equalized
    for form in ("qdq", "json"):
        assert export(directory, form, tmp_path / "net.out").model is None
    assert [path.name for path in tmp_path.iterdir()] == ["net.out"]


def test_rescaled_model_computes_what_the_model_computes(equalized, tmp_path):
    directory, _ = equalized
    path = export(directory, "tensorrt", tmp_path / "net.cache").model
    original = uneven_net().model("logits").SerializeToString()
    pairs = [
        (run(original, {"image": each})["logits"], run(path.read_bytes(), {"image": each})["logits"])
        for each in feeds()["image"]
    ]
    first, second = (np.stack(each) for each in zip(*pairs, strict=True))
    # They differ by the rounding of weights to 8 bits: by far less than a channel that is not rescaled.
    assert np.square(first - second).sum() < 0.01 * np.square(first).sum()


def test_every_range_is_of_a_tensor_of_the_rescaled_model(equalized, tmp_path):
    directory, program = equalized
    done = export(directory, "tensorrt", tmp_path / "net.json")
    graph = onnx.load(done.model).graph
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    ranges = json.loads((tmp_path / "net.json").read_text())["act_quant_info"]
    assert {*ranges} <= names
    assert {"image", "logits"} <= {*ranges}
    assert len(ranges) >= len({tensor.storage for tensor in program.tensors})


@pytest.mark.parametrize("form", ["ppq", "ort-overrides", "aimet-0.6.1", "aimet-1.0.0", "aimet-2.0.0"])
def test_rescaled_model_with_its_parameters_gives_the_same_codes(equalized, tmp_path, form):
    directory, program = equalized
    done = export(directory, form, tmp_path / "net.json")
    again = compile_with(done.model, done.path).program
    codes = [simulate_program(each, quantize_inputs(each, feeds())) for each in (program, again)]
    np.testing.assert_array_equal(codes[0][0], codes[1][0])
    for first, second in zip(layer_scales(program).values(), layer_scales(again).values(), strict=True):
        assert first.scale == second.scale
