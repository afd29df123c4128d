"""Formats of other tools: what leaves comes back the same, and what these tools wrote is read."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from mcuq.calibrate.runtime import submodule
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.interchange.aimet import aimet_text
from mcuq.interchange.named import model_names, named_program, own_names
from mcuq.interchange.ncnn import ncnn_table
from mcuq.interchange.ort import calibration_table_text, overrides_text
from mcuq.interchange.ppq import native_text
from mcuq.interchange.program import activation_params, layer_scales
from mcuq.passes.canonicalize import canonicalize
from tests.interchange.models import (
    compile_with,
    outcomes,
    quant,
    samples,
    samples_of,
    small_model,
    write,
)
from tests.interchange.test_export import vision_net
from tests.small_models import Net, save

RECORDED = Path(__file__).parent / "recorded"
WRITERS = {
    "ppq": native_text,
    "ort-overrides": overrides_text,
    "aimet-0.6.1": lambda named: aimet_text(named, "0.6.1"),
    "aimet-1.0.0": lambda named: aimet_text(named, "1.0.0"),
    "aimet-2.0.0": lambda named: aimet_text(named, "2.0.0"),
    "ort-table": calibration_table_text,
}


def folded_net():
    """Scales per channel on every axis that ONNX has them on, and a normalization to fold."""
    net = Net(image=[1, 2, 6, 6])
    y = net.batchnorm(net.add("Conv", "image", net.const(net.rng.normal(size=(4, 2, 3, 3)), "w")), 4)
    y = net.add("Flatten", net.add("Relu", y))
    y = net.add("MatMul", y, net.const(net.rng.normal(size=(64, 6)), "matrix"))
    w = net.const(net.rng.normal(size=(6, 5)), "gemm")
    net.add("Gemm", y, w, net.const(net.rng.normal(size=5)), outputs=["y"])
    return net


def built(path, data=None):
    return compile_with(path, data=data or samples()).program


def named(program, path):
    source, layers = read(path), layer_scales(program)
    return named_program(program, layers, model_names(program, layers, source, canonicalize(source.graph)))


def vision(folder):
    rng = np.random.default_rng(8)
    data = samples_of("image", rng.normal(size=(6, 1, 2, 6, 6)).astype(np.float32))
    return save(vision_net().model("y", "p"), folder), data


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("build", ["small", "folded", "vision"])
def test_parameters_come_back_the_same(tmp_path, form, build):
    if build == "vision":
        path, data = vision(tmp_path)
    else:
        data = samples()
        path = small_model(tmp_path) if build == "small" else save(folded_net().model("y"), tmp_path)
    program = built(path, data)
    text = WRITERS[form](named(program, path))
    again = compile_with(path, write(tmp_path, text), data).program
    found = quant(again)
    # A tensor that only one reader wants otherwise has no name of its own.
    for name, expected in quant(program).items():
        if not name.endswith("/requantized"):
            assert expected == found[name], name
    if form != "ort-table":
        for first, second in zip(layer_scales(program).values(), layer_scales(again).values(), strict=True):
            np.testing.assert_allclose(first.scale, second.scale, rtol=3e-7)


def test_scales_of_folded_weights_are_those_of_the_file_again(tmp_path):
    path = save(folded_net().model("y"), tmp_path)
    program = built(path)
    constants = named(program, path).constants
    assert {name: each.axis for name, each in constants.items()} == {"w": 0, "matrix": 1, "gemm": 1}
    (weights,) = [each for each in onnx.load(path).graph.initializer if each.name == "w"]
    largest = np.abs(onnx.numpy_helper.to_array(weights)).reshape(4, -1).max(axis=1)
    np.testing.assert_allclose(constants["w"].scale, largest / 127, rtol=1e-6)


def test_weights_without_the_model_are_left_out_and_say_so(tmp_path):
    program = built(small_model(tmp_path))
    found = named_program(program, layer_scales(program), own_names(program))
    assert found.constants == {}
    assert len(found.unnamed_weights()) == 2
    assert "param_encodings" in json.loads(aimet_text(found, "1.0.0"))


def test_weights_that_layers_share_and_scale_differently_are_left_out(tmp_path):
    net = Net(image=[1, 2, 6, 6])
    w = net.const(net.rng.normal(size=(2, 2, 3, 3)), "w")
    y = net.batchnorm(net.add("Conv", "image", w, pads=[1, 1, 1, 1]), 2)
    net.batchnorm(net.add("Conv", y, w), 2)
    path = save(net.model(net.nodes[-1].output[0]), tmp_path)
    program = built(path)
    first, second = (each.weights for each in named(program, path).steps if each.scale)
    # Both come back to the scales of the one constant, or are left out together.
    assert (first is None and second is None) or first == second


@pytest.mark.parametrize("name", ["ppq_trt.json", "aimet_0.6.1.encodings", "aimet_1.0.0.encodings"])
def test_files_that_other_tools_wrote_are_read(tmp_path, name):
    compiled = compile_with(small_model(tmp_path), RECORDED / name)
    seen = outcomes(compiled)
    for tensor in ("image", "relu_out", "logits"):
        assert seen[tensor, "activation"] in ("used", "changed"), tensor
    for tensor in ("conv.weight", "fc.weight"):
        assert seen[tensor, "weights"] == "used", tensor


def test_ppq_parameters_are_those_of_the_dominator(tmp_path):
    document = json.loads((RECORDED / "ppq_trt.json").read_text())
    program = compile_with(small_model(tmp_path), RECORDED / "ppq_trt.json").program
    found = quant(program)
    for tensor, operator in (("image", "node_0"), ("relu_out", "node_1"), ("pool_out", "node_3")):
        key = document["configs"][operator][tensor]["dominator"]
        assert found[tensor] == (document["values"][str(key)]["scale"], 0)
    layers = {each.output: each.scale for each in layer_scales(program).values()}
    key = document["configs"]["node_0"]["conv.weight"]["hash"]
    assert list(layers["relu_out"]) == document["values"][str(key)]["scale"]


def test_ppq_unsigned_codes_are_moved_and_its_asymmetric_weights_refused(tmp_path):
    document = json.loads((RECORDED / "ppq_dsp.json").read_text())
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), RECORDED / "ppq_dsp.json")
    assert {problem.code for problem in caught.value.problems} == {"Q010"}
    for operator, weights in (("node_0", "conv.weight"), ("node_4", "fc.weight")):
        del document["configs"][operator][weights]
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    value = document["values"][str(document["configs"]["node_4"]["logits"]["hash"])]
    assert quant(compiled.program)["logits"] == (value["scale"], int(value["zero_point"]) - 128)
    notes = [note for note in compiled.imported if note.tensor == "conv.bias"]
    assert any("scale of a bias" in note.detail for note in notes)


def ppq_edited(change):
    document = json.loads((RECORDED / "ppq_trt.json").read_text())
    change(document, document["configs"]["node_4"]["logits"])
    return document


def _own_value(key, value):
    def change(document, config):
        document["values"][str(config["hash"])][key] = value

    return change


@pytest.mark.parametrize(
    "change,code",
    [
        (lambda document, config: config.update(state="LOST"), "Q008"),
        (lambda document, config: config.update(dominator=1), "Q008"),
        (lambda document, config: config.pop("quant_min"), "Q008"),
        (lambda document, config: config.update(quant_min=5, quant_max=-5), "Q005"),
        (lambda document, config: config.update(quant_max=1000), "Q005"),
        (lambda document, config: config.update(bit_width=12, quant_min=-2048, quant_max=2047), "Q010"),
        (lambda document, config: config.update(bit_width=4, quant_min=-8, quant_max=7), "Q010"),
        (lambda document, config: config["policy"].update(FLOATING=True), "Q010"),
        (lambda document, config: config["policy"].update(DYNAMIC=True), "Q010"),
        (_own_value("scale", 0.0), "Q005"),
        (_own_value("scale", "a"), "Q008"),
        (_own_value("zero_point", 1000), "Q005"),
        (_own_value("zero_point", 0.5), "Q008"),
        (lambda document, config: document.update(values=[]), "Q008"),
        (lambda document, config: document.update(configs={"node_4": 3}), "Q008"),
    ],
)
def test_ppq_forms_without_meaning_are_refused(tmp_path, change, code):
    path = write(tmp_path, ppq_edited(change))
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), path)
    assert {problem.code for problem in caught.value.problems} == {code}


def test_ppq_codes_that_leave_one_out_are_used_and_say_so(tmp_path):
    path = write(tmp_path, ppq_edited(lambda document, config: config.update(quant_min=-127)))
    compiled = compile_with(small_model(tmp_path), path)
    (note,) = [note for note in compiled.imported if note.tensor == "logits"]
    assert (note.outcome.value, "from -127 to 127" in note.detail) == ("changed", True)


def test_activation_of_four_bits_is_refused(tmp_path):
    entry = {"name": "logits", "output_dtype": "int4", "y_scale": 0.5}
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), write(tmp_path, {"version": "2.0.0", "encodings": [entry]}))
    (problem,) = caught.value.problems
    assert (problem.code, "4 bits" in problem.why) == ("Q010", True)


def quantized_by_onnxruntime(model, folder, **options):
    """The constants of the QDQ model that onnxruntime makes."""
    quantize = submodule("quantization.quantize")
    types = submodule("quantization.quant_utils").QuantType
    quantize.quantize_static(
        onnx.load(model),
        folder / "qdq.onnx",
        activation_type=types.QInt8,
        weight_type=types.QInt8,
        **options,
    )
    graph = onnx.load(folder / "qdq.onnx").graph
    return {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}


class NoData:
    def get_next(self):
        return None


def test_onnxruntime_quantizes_with_the_calibration_table(tmp_path):
    path = small_model(tmp_path)
    program = built(path)
    table = write(tmp_path, calibration_table_text(named(program, path)), "table.json")
    found = quantized_by_onnxruntime(
        path, tmp_path, calibration_data_reader=NoData(), calibration_cache_path=table
    )
    for name in ("image", "relu_out", "logits"):
        scale, zero = quant(program)[name]
        assert float(found[f"{name}_scale"]) == pytest.approx(scale, rel=2e-7)
        assert int(found[f"{name}_zero_point"]) == zero


def test_onnxruntime_quantizes_with_the_overrides(tmp_path):
    path = small_model(tmp_path)
    program = built(path)
    text = overrides_text(named(program, path))
    types = submodule("quantization.quant_utils").QuantType
    document = json.loads(text)
    for each in (item for channels in document.values() for item in channels):
        each["quant_type"] = types[each["quant_type"]]
        each["scale"] = np.array(each["scale"], np.float32)
        each["zero_point"] = np.array(each["zero_point"], np.int8)
    table = write(tmp_path, calibration_table_text(named(program, path)), "table.json")
    found = quantized_by_onnxruntime(
        path,
        tmp_path,
        calibration_data_reader=NoData(),
        calibration_cache_path=table,
        extra_options={"TensorQuantOverrides": document},
    )
    for name in ("image", "relu_out", "logits"):
        assert quant(program)[name] == (float(found[f"{name}_scale"]), int(found[f"{name}_zero_point"]))
    layers = {each.output: each.scale for each in layer_scales(program).values()}
    np.testing.assert_array_equal(np.float32(layers["relu_out"]), found["conv.weight_scale"])


def lines(text):
    return {line.split()[0]: [float(each) for each in line.split()[1:]] for line in text.splitlines()}


def test_ncnn_table_holds_reciprocal_scales(tmp_path):
    path = small_model(tmp_path)
    program = built(path)
    text, changes = ncnn_table(named_program(program, layer_scales(program), own_names(program)))
    rows = lines(text)
    assert [*rows] == ["node_0_param_0", "node_4_param_0", "node_0", "node_4"]
    scales = {each.layer: each.scale for each in layer_scales(program).values()}
    np.testing.assert_allclose(rows["node_0_param_0"], 1 / np.array(scales["node_0"]), rtol=1e-6)
    params = activation_params(program)
    scale, zero = params["image"].step, params["image"].zero_point
    largest = max(abs(code - zero) for code in (-128, 127)) * scale
    assert rows["node_0"][0] == pytest.approx(127 / largest, rel=1e-6)
    assert any("'image'" in line and "widened" in line for line in changes)


def test_ncnn_table_has_the_form_that_ppq_writes(tmp_path):
    expected = lines((RECORDED / "ppq_ncnn.table").read_text())
    program = built(small_model(tmp_path))
    text, _ = ncnn_table(named_program(program, layer_scales(program), own_names(program)))
    for name, values in expected.items():
        assert len(lines(text)[name]) == len(values)


def test_ncnn_table_has_one_scale_per_group(tmp_path):
    path, data = vision(tmp_path)
    program = built(path, data)
    layers = layer_scales(program)
    text, _ = ncnn_table(named_program(program, layers, own_names(program)))
    assert len(lines(text)["node_2_param_0"]) == 4
    net = Net(image=[1, 2, 6, 6])
    net.conv("image", 2, 6, (3, 3), group=2)
    program = built(save(net.model(net.nodes[-1].output[0]), tmp_path))
    text, changes = ncnn_table(named_program(program, layer_scales(program), own_names(program)))
    (layer,) = layer_scales(program).values()
    expected = 1 / np.array(layer.scale).reshape(2, 3).max(axis=1)
    np.testing.assert_allclose(lines(text)["node_0_param_0"], expected, rtol=1e-6)
    assert any("one scale per group" in line for line in changes)


def test_ncnn_table_leaves_out_what_it_has_no_line_for(tmp_path):
    net = Net(image=[1, 2, 6, 6])
    y = net.add("Conv", "image", net.random(2, 2, 3, 3), name="a name")
    net.add("ConvTranspose", y, net.random(2, 2, 3, 3), name="up", strides=[2, 2])
    program = built(save(net.model(net.nodes[-1].output[0]), tmp_path))
    text, changes = ncnn_table(named_program(program, layer_scales(program), own_names(program)))
    assert text == ""
    assert [line.split(":")[0] for line in changes] == ["layer 'a name'", "layer 'up'"]
