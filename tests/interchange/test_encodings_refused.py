"""Encodings that are damaged, contradictory, partial or of another model are refused by tensor."""

import dataclasses
import json

import pytest

from mcuq.errors import CODES, Exit, McuqError
from tests.interchange.models import ACTIVATIONS, NEAREST, compile_with, samples, small_model, write


def own(**activations):
    rows = {name: (scale, zero) for name, (scale, zero) in ACTIVATIONS.items()} | activations
    return {
        "format": "mcuq-encodings-1",
        "ranges": "calibrated",
        "options": {},
        "activations": {
            name: {"dtype": "int8", "scale": float(scale).hex(), "zero_point": zero}
            for name, (scale, zero) in rows.items()
        },
        "weights": {},
    }


def version_2(*entries):
    rows = [
        {"name": name, "output_dtype": "int8", "y_scale": scale, "y_zero_point": zero}
        for name, (scale, zero) in ACTIVATIONS.items()
    ]
    return {"version": "2.0.0", "encodings": [*rows, *entries]}


def refused(tmp_path, document, data=None):
    path = write(tmp_path, document)
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), path, data)
    return caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '"text"',
        "\x00\x01",
        "{}",
        '{"a": 1}',
        '{"version": "9.9"}',
        '{"version": 1}',
        '{"version": "2.0.0"}',
        '{"version": "2.0.0", "encodings": {}}',
        '{"version": "2.0.0", "encodings": [1]}',
        '{"version": "1.0.0", "activation_encodings": {}}',
        '{"version": "1.0.0", "activation_encodings": [{"name": 3}]}',
        '{"version": "0.6.1", "activation_encodings": []}',
        '{"format": "mcuq-encodings-1"}',
        '{"format": "mcuq-encodings-1", "ranges": "guessed", "options": {}, "activations": {}}',
        '{"format": "mcuq-encodings-1", "ranges": "calibrated", "options": {"a": 1}, "activations": {}}',
        '{"x": [1.0], "x": [2.0]}',
        "[" * 100_000,
        '{"a": ' * 100_000,
        '{"CLS": "TensorsData", "data": 3}',
        '{"act_quant_info": []}',
    ],
)
def test_file_that_cannot_be_read_is_refused(tmp_path, text):
    (problem,) = refused(tmp_path, text)
    assert problem.code == ("O017" if text.startswith(("[[", '{"a": {')) else "Q008")
    assert "encodings.json" in problem.where
    assert CODES[problem.code][0] == Exit.USAGE


def test_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "e.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), path)
    assert caught.value.problems[0].code == "Q008"


def test_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), tmp_path / "none.json")
    assert caught.value.problems[0].code == "O012"


@pytest.mark.parametrize("scale", [0.0, -0.5, float("inf"), float("nan"), 1e-45, 3e38])
def test_scale_that_means_nothing_is_refused_by_tensor(tmp_path, scale):
    (problem,) = refused(tmp_path, own(relu_out=(scale, 0)))
    assert problem.code == "Q005"
    assert "'relu_out'" in problem.where


@pytest.mark.parametrize("zero", [128, -129, 1 << 40])
def test_zero_point_that_is_no_code_is_refused_by_tensor(tmp_path, zero):
    (problem,) = refused(tmp_path, own(logits=(0.1, zero)))
    assert problem.code == "Q005"
    assert str(zero) in problem.why


def test_all_bad_tensors_are_named_at_once(tmp_path):
    problems = refused(tmp_path, own(logits=(0.0, 0), image=(-1.0, 0)))
    assert sorted(problem.where.split("'")[1] for problem in problems) == ["image", "logits"]


def test_two_encodings_of_one_tensor_contradict(tmp_path):
    twice = {"name": "logits", "output_dtype": "int8", "y_scale": 0.5}
    (problem,) = refused(tmp_path, version_2(twice))
    assert problem.code == "Q006"
    assert "0.109999999" in problem.why and "0.5" in problem.why


def test_bounds_that_are_not_those_of_the_scale_contradict(tmp_path):
    entry = {"bitwidth": 8, "dtype": "int", "is_symmetric": "False", "scale": 0.1, "offset": -128}
    document = {"version": "0.6.1", "activation_encodings": {"logits": [{**entry, "min": -3.0, "max": 3.0}]}}
    (problem,) = refused(tmp_path, document)
    assert problem.code == "Q006"
    assert "-12.8" in problem.why


def test_partial_encodings_name_what_they_leave_open(tmp_path):
    document = own()
    del document["activations"]["relu_out"], document["activations"]["logits"]
    (problem,) = refused(tmp_path, document)
    assert problem.code == "Q007"
    assert "'relu_out'" in problem.why and "'logits'" in problem.why
    assert "pool_out" not in problem.why  # it has the parameters of what it pools
    assert "--calibration" in problem.fix


def test_encodings_of_another_model_are_refused(tmp_path):
    document = own()
    document["activations"] = {f"other/{name}": row for name, row in document["activations"].items()}
    (problem,) = refused(tmp_path, document)
    assert problem.code == "Q009"
    assert "'other/image'" in problem.why and "'image'" in problem.why


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "logits2", "output_dtype": "uint16", "y_scale": 0.1, "y_zero_point": 100},
        {"name": "conv.weight", "output_dtype": "int16", "y_scale": 0.1},
        {"name": "logits2", "output_dtype": "int2", "y_scale": 0.1},
        {
            "name": "conv.weight",
            "output_dtype": "int4",
            "y_scale": [[0.1], [0.1]],
            "axis": 1,
            "block_size": 2,
        },
        {"name": "conv.weight", "output_dtype": "int8", "y_scale": {"x": [1], "x_scale": 0.1}},
        {"name": "pool_out", "output_dtype": "int8", "y_scale": [0.1, 0.2], "axis": 1},
        {"name": "conv.weight", "output_dtype": "uint8", "y_scale": 0.1, "y_zero_point": 100},
    ],
)
def test_encoding_of_a_form_without_arithmetic_is_refused(tmp_path, entry):
    (problem,) = refused(tmp_path, version_2(entry))
    assert problem.code == "Q010"
    assert CODES["Q010"][0] == Exit.USAGE


def test_scales_along_the_wrong_axis_are_refused(tmp_path):
    entry = {"name": "conv.weight", "output_dtype": "int8", "y_scale": [0.1] * 2, "axis": 1}
    (problem,) = refused(tmp_path, version_2(entry))
    assert problem.code == "M004"
    assert "axis 1" in problem.why and "axis 0" in problem.why


def test_scales_of_the_wrong_number_are_refused(tmp_path):
    entry = {"name": "conv.weight", "output_dtype": "int8", "y_scale": [0.1] * 3, "axis": 0}
    (problem,) = refused(tmp_path, version_2(entry))
    assert problem.code == "Q005"
    assert "3 scales for 4" in problem.why


def test_several_scales_without_an_axis_are_refused(tmp_path):
    entry = {"name": "conv.weight", "output_dtype": "int8", "y_scale": [0.1] * 4}
    (problem,) = refused(tmp_path, version_2(entry))
    assert problem.code == "Q008"


def test_zero_points_of_another_number_than_scales_are_refused(tmp_path):
    entry = {
        "name": "conv.weight",
        "output_dtype": "int8",
        "y_scale": [0.1] * 4,
        "axis": 0,
        "y_zero_point": 0,
    }
    (problem,) = refused(tmp_path, version_2(entry))
    assert problem.code == "Q005"


def test_range_of_an_input_that_the_file_quantizes_contradicts(tmp_path):
    options = dataclasses.replace(NEAREST, input_ranges={"image": (0.0, 1.0)})
    with pytest.raises(McuqError) as caught:
        compile_with(small_model(tmp_path), write(tmp_path, own()), options=options)
    assert caught.value.problems[0].code == "O013"


def test_bias_that_leaves_int32_is_refused_by_channel(tmp_path):
    document = own(image=(1e-6, 0))
    document["weights"] = {"relu_out": {"dtype": "int8", "axis": None, "scales": [(2.0**-20).hex()]}}
    (problem,) = refused(tmp_path, document)
    assert problem.code == "Q002"
    assert "relu_out" in problem.where and "channel" in problem.why


def test_json_with_deep_values_inside_entries_is_refused(tmp_path):
    document = json.dumps(own()).replace('"zero_point": 5', '"zero_point": {"a": [1]}')
    (problem,) = refused(tmp_path, document)
    assert problem.code == "Q008"
    assert "'image'" in problem.where


def test_partial_encodings_are_completed_when_asked(tmp_path):
    document = own()
    del document["activations"]["logits"]
    compiled = compile_with(small_model(tmp_path), write(tmp_path, document), samples())
    notes = {note.tensor: note for note in compiled.imported}
    assert notes["logits"].outcome.value == "own"
    assert "calibrated" in notes["logits"].detail


def test_scales_beyond_single_precision_are_rounded(tmp_path):
    document = own()
    scales = [0.1 / 3, None, float.fromhex("0x1.f4ed097b425edp-5"), 0.02]
    document["weights"] = {
        "relu_out": {"dtype": "int8", "axis": 0, "scales": [each and each.hex() for each in scales]}
    }
    path = write(tmp_path, document)
    steps = compile_with(small_model(tmp_path), path, samples()).program.steps
    assert steps[0].op.params.weights.dtype == "int8"
