"""Encodings of other tools: their scales and zero points are the program's, and the report says so."""

import json

import numpy as np
import pytest

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.runtime import submodule
from mcuq.interchange.program import layer_scales
from tests.interchange.models import (
    ACTIVATIONS,
    compile_with,
    outcomes,
    quant,
    samples_of,
    small_model,
    small_net,
    write,
)
from tests.small_models import Net, save

WEIGHTS = {"conv.weight": [0.021, 0.017, 0.025, 0.019], "fc.weight": [0.02]}


def f32(value):
    return float(np.float32(value))


def aimet_061():
    def entry(scale, offset, is_symmetric):
        return {
            "bitwidth": 8,
            "dtype": "int",
            "is_symmetric": is_symmetric,
            "scale": f32(scale),
            "offset": offset,
            "min": f32(scale) * offset,
            "max": f32(scale) * (offset + 255),
        }

    return {
        "version": "0.6.1",
        "activation_encodings": {
            name: [entry(scale, -zero - 128, "False")] for name, (scale, zero) in ACTIVATIONS.items()
        },
        "param_encodings": {
            name: [entry(scale, -128, "True") for scale in scales] for name, scales in WEIGHTS.items()
        }
        | {"conv.bias": [{"bitwidth": 32, "dtype": "int", "scale": 1e-4, "offset": 0}]},
        "quantizer_args": {"activation_bitwidth": 8, "is_symmetric": "True"},
    }


def aimet_100():
    def entry(name, scales, offset, is_sym):
        kind = "PER_CHANNEL" if len(scales) > 1 else "PER_TENSOR"
        common = {"name": name, "dtype": "INT", "enc_type": kind, "bw": 8, "is_sym": is_sym}
        return {**common, "scale": [f32(scale) for scale in scales], "offset": [offset] * len(scales)}

    return {
        "version": "1.0.0",
        "activation_encodings": [
            entry(name, [scale], -zero - 128, False) for name, (scale, zero) in ACTIVATIONS.items()
        ],
        "param_encodings": [entry(name, scales, -128, True) for name, scales in WEIGHTS.items()],
        "excluded_layers": [],
    }


def aimet_200(version="2.0.0"):
    activations = [
        {"name": name, "output_dtype": "uint8", "y_scale": f32(scale), "y_zero_point": zero + 128}
        for name, (scale, zero) in ACTIVATIONS.items()
    ]
    conv = [f32(scale) for scale in WEIGHTS["conv.weight"]]
    weights = [
        {"name": "conv.weight", "output_dtype": "int8", "y_scale": conv, "axis": 0, "y_zero_point": [0] * 4},
        {"name": "fc.weight", "output_dtype": "int8", "y_scale": f32(WEIGHTS["fc.weight"][0])},
        {"name": "fc.bias", "output_dtype": "int32", "y_scale": 1e-4},
    ]
    return {"version": version, "encodings": [*activations, *weights]}


def overrides():
    def entry(scale, zero, kind, **more):
        return {"quant_type": kind, "scale": f32(scale), "zero_point": zero, **more}

    conv = [entry(scale, 0, "QInt8") for scale in WEIGHTS["conv.weight"]]
    conv[0]["axis"] = 0
    return {
        **{name: [entry(scale, zero + 128, "QUInt8")] for name, (scale, zero) in ACTIVATIONS.items()},
        "conv.weight": conv,
        "fc.weight": [entry(WEIGHTS["fc.weight"][0], 0, "QInt8")],
        "fc.bias": [{"quant_type": "QInt8"}],
    }


@pytest.mark.parametrize(
    "document",
    [aimet_061(), aimet_100(), aimet_200(), aimet_200("2.1.0"), overrides()],
    ids=["aimet-0.6.1", "aimet-1.0.0", "aimet-2.0.0", "aimet-2.1.0", "overrides"],
)
def test_scales_and_zero_points_are_those_of_the_file(tmp_path, document):
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    program = compiled.program
    assert program.origin.ranges.value == "imported"
    found = quant(program)
    for name, (scale, zero) in ACTIVATIONS.items():
        assert found[name] == (f32(scale), zero), name
    assert found["pool_out"] == found["relu_out"]
    layers = {layer.output: layer.scale for layer in layer_scales(program).values()}
    assert layers["relu_out"] == tuple(map(f32, WEIGHTS["conv.weight"]))
    assert layers["logits"] == (f32(WEIGHTS["fc.weight"][0]),) * 5
    seen = outcomes(compiled)
    assert all(seen[name, "activation"] == "used" for name in ACTIVATIONS)
    assert all(seen[name, "weights"] == "used" for name in WEIGHTS)


def test_weights_are_rounded_to_the_nearest_code_of_their_scales(tmp_path):
    compiled = compile_with(small_model(tmp_path), write(tmp_path, aimet_200()))
    model = small_net().model("logits")
    (stored,) = [each for each in model.graph.initializer if each.name == "conv.weight"]
    real = np.frombuffer(stored.raw_data, np.float32).reshape(4, 2, 3, 3).astype(np.float64)
    scale = np.array(WEIGHTS["conv.weight"], np.float32).astype(np.float64).reshape(-1, 1, 1, 1)
    expected = np.clip(np.sign(real) * np.floor(np.abs(real) / scale + 0.5), -128, 127)
    codes = compiled.program.steps[0].op.params.weights
    np.testing.assert_array_equal(expected.transpose(0, 2, 3, 1), codes)


def test_scales_that_are_no_float32_are_rounded_and_say_so(tmp_path):
    document = aimet_200()
    document["encodings"][0]["y_scale"] = 0.1
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    (note,) = [note for note in compiled.imported if note.tensor == "image"]
    assert (note.outcome.value, "0.1 rounded to float32" in note.detail) == ("changed", True)
    assert quant(compiled.program)["image"][0] == f32(0.1)


def test_strictly_symmetric_offsets_have_their_zero_in_the_middle(tmp_path):
    document = aimet_061()
    entry = {"bitwidth": 8, "dtype": "int", "is_symmetric": "True", "scale": 0.125, "offset": -127}
    document["activation_encodings"]["image"] = [{**entry, "min": -127 * 0.125, "max": 127 * 0.125}]
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    assert quant(compiled.program)["image"] == (0.125, 0)


def test_unsigned_symmetric_offsets_start_at_zero(tmp_path):
    document = aimet_100()
    document["activation_encodings"][1] |= {"is_sym": True, "offset": [0]}
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    assert quant(compiled.program)["relu_out"] == (f32(ACTIVATIONS["relu_out"][0]), -128)


def test_four_bits_limit_the_codes(tmp_path):
    document = aimet_200()
    document["encodings"][4] = {"name": "fc.weight", "output_dtype": "int4", "y_scale": 0.25}
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    codes = compiled.program.steps[-1].op.params.weights
    assert (codes.min(), codes.max()) == (-8, 7)


def test_what_the_file_keeps_in_float_is_open(tmp_path):
    document = aimet_061()
    document["activation_encodings"]["logits"] = [{"bitwidth": 16, "dtype": "float"}]
    data = samples_of("image", np.random.default_rng(0).normal(size=(6, 1, 2, 6, 6)))
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document), data)
    notes = [(note.outcome.value, note.detail) for note in compiled.imported if note.tensor == "logits"]
    assert ("ignored", "the file keeps it in float16") in notes
    assert any(outcome == "own" and "calibrated" in detail for outcome, detail in notes)


def table(low, high, form):
    if form == "pairs":
        return [low, high]
    if form == "numbers":
        return {"CLS": "TensorData", "lowest": low, "highest": high}
    array = {"CLS": "numpy.array", "dtype": "float32"}
    return {
        "CLS": "TensorData",
        "lowest": {"data": low, **array},
        "highest": {"data": [high], **array},
        "hist": {"data": [1, 2], **array},
    }


@pytest.mark.parametrize("form", ["pairs", "numbers", "arrays"])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_calibration_tables_of_onnxruntime_give_ranges(tmp_path, form, is_wrapped):
    ranges = {"image": (-3.0, 2.5), "relu_out": (0.0, 7.25), "logits": (-11.0, 9.0)}
    document = {name: table(low, high, form) for name, (low, high) in ranges.items()}
    if is_wrapped:
        document = {"CLS": "TensorsData", "calibration_method": {}, "data": document}
    found = quant(compile_with(small_model(tmp_path), write(tmp_path, document)).program)
    for name, limits in ranges.items():
        expected = quant_params(Range(*limits), Scheme.ASYMMETRIC)
        assert found[name] == (expected.step, expected.zero_point)


def test_calibration_table_that_onnxruntime_writes_is_read(tmp_path):
    ranges = {"image": (-3.0, 2.5), "relu_out": (0.0, 7.25), "logits": (-11.0, 9.0)}
    data = {name: tuple(np.array(v, np.float32) for v in limits) for name, limits in ranges.items()}
    calibrate = submodule("quantization.calibrate")
    tensors = calibrate.TensorsData(calibrate.CalibrationMethod.MinMax, data)
    submodule("quantization.quant_utils").write_calibration_table(tensors.data, str(tmp_path))
    found = quant(compile_with(small_model(tmp_path), tmp_path / "calibration.json").program)
    assert found["logits"][0] == quant_params(Range(-11.0, 9.0), Scheme.ASYMMETRIC).step


def test_act_quant_info_gives_symmetric_ranges(tmp_path):
    document = {"act_quant_info": {"image": 2.54, "relu_out": 12.7, "logits": 25.4}}
    found = quant(compile_with(small_model(tmp_path), write(tmp_path, document)).program)
    assert found["logits"] == (f32(25.4 / 127), 0)


def test_overrides_may_give_ranges(tmp_path):
    document = overrides()
    document["logits"] = [{"quant_type": "QInt8", "rmin": -12.0, "rmax": 10.0}]
    document["image"] = [{"quant_type": "QInt8", "rmin": -3.0, "rmax": 1.0, "symmetric": True}]
    found = quant(compile_with(small_model(tmp_path), write(tmp_path, document)).program)
    assert found["logits"][0] == quant_params(Range(-12.0, 10.0), Scheme.ASYMMETRIC).step
    assert found["image"] == (f32(3.0 / 127), 0)


def test_names_without_a_tensor_are_ignored_and_say_why(tmp_path):
    document = aimet_200()
    document["encodings"] += [
        {"name": "conv_out", "output_dtype": "int8", "y_scale": 0.5},
        {"name": "elsewhere", "output_dtype": "int8", "y_scale": 0.5},
    ]
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document))
    notes = {note.tensor: note for note in compiled.imported}
    assert (notes["conv_out"].outcome.value, "merged" in notes["conv_out"].detail) == ("ignored", True)
    assert "no such tensor" in notes["elsewhere"].detail
    bias = [note.detail for note in compiled.imported if note.tensor == "fc.bias"]
    assert any("scale of a bias" in detail for detail in bias)


def test_scales_of_weights_follow_a_normalization_that_is_folded(tmp_path):
    net = Net(image=[1, 2, 6, 6])
    w = net.const(net.rng.normal(size=(3, 2, 3, 3)), "w")
    y = net.batchnorm(net.add("Conv", "image", w), 3)
    net.add("Relu", y, outputs=["y"])
    gamma, _, _, var = (
        np.frombuffer(each.raw_data, np.float32).astype(np.float64) for each in net.initializers[1:5]
    )
    scales = [f32(scale) for scale in (0.02, 0.03, 0.025)]
    document = {
        "version": "2.0.0",
        "encodings": [
            {"name": "image", "output_dtype": "int8", "y_scale": 0.03125},
            {"name": "y", "output_dtype": "uint8", "y_scale": 0.0625},
            {"name": "w", "output_dtype": "int8", "y_scale": scales, "axis": 0},
        ],
    }
    compiled = compile_with(save(net.model("y"), tmp_path), write(tmp_path, document))
    (layer,) = layer_scales(compiled.program).values()
    factor = np.abs(gamma / np.sqrt(var + 1e-5))
    np.testing.assert_allclose(layer.scale, np.array(scales) * factor, rtol=1e-6)
    assert outcomes(compiled)["w", "weights"] == "changed"


def test_weights_of_a_file_without_activations_are_used_with_calibration(tmp_path):
    entry = {"name": "fc.weight", "output_dtype": "int8", "y_scale": f32(0.02)}
    document = {"version": "2.0.0", "encodings": [entry]}
    data = samples_of("image", np.random.default_rng(0).normal(size=(6, 1, 2, 6, 6)))
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document), data)
    assert compiled.program.origin.ranges.value == "calibrated"
    layers = {layer.output: layer.scale for layer in layer_scales(compiled.program).values()}
    assert layers["logits"] == (f32(0.02),) * 5
    assert outcomes(compiled)["conv.weight", "weights"] == "own"


def test_report_as_json_has_every_tensor(tmp_path):
    from mcuq.report.imports import imports_document, imports_line

    compiled = compile_with(small_model(tmp_path), write(tmp_path, aimet_061()))
    rows = json.loads(json.dumps(imports_document(compiled.imported)))
    assert {"tensor", "what", "outcome", "detail"} == set(rows[0])
    assert {row["tensor"] for row in rows} >= {*ACTIVATIONS, *WEIGHTS}
    assert imports_line(compiled.imported).startswith("imported quantization: 5 used")
