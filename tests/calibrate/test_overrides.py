"""`--config`: ranges of single tensors."""

import json

import pytest
from typer.testing import CliRunner

from mcuq.calibrate.config import config_sha256, read_overrides
from mcuq.calibrate.overrides import resolve_overrides
from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.ranges import calibrated_tensors
from mcuq.cli.app import app
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.settings import Override
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
MODEL = DIGITS / "model.onnx"


def overrides_of(folder, text):
    path = folder / "quant.toml"
    path.write_text(text, "utf-8")
    return read_overrides(path)


def calibrated(overrides, data=True, **options):
    source = CalibrationData(DIGITS / "calibration.npy") if data else None
    return calibrate_model(read(MODEL), source, QuantOptions(samples=16, overrides=overrides, **options))


def resolved(*overrides):
    graph = canonicalize(read(MODEL).graph)
    return resolve_overrides(graph, calibrated_tensors(graph), overrides)


def test_read_overrides_takes_every_setting(tmp_path):
    text = """
    [[override]]
    tensor = "stem/*"
    percentile = 99.9
    scheme = "symmetric"
    [[override]]
    op = "conv2d"
    range = [0, 6.5]
    """
    expected = (
        Override("tensor", "stem/*", "percentile", 99.9, None, "symmetric"),
        Override("op", "conv2d", None, None, (0.0, 6.5), None),
    )
    assert expected == overrides_of(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("override = 3", "found ['override']"),
        ("[other]\n", "found ['other']"),
        ("override = [3]", "found 3"),
        ('[[override]]\ntensr = "x"\nmethod = "kl"', "did you mean 'tensor'?"),
        ('[[override]]\ntensor = "x"', "it changes nothing"),
        ('[[override]]\nmethod = "kl"', "give one of tensor, op and node"),
        ('[[override]]\ntensor = "x"\nop = "y"\nmethod = "kl"', "found ['tensor', 'op'] as patterns"),
        ('[[override]]\ntensor = "x"\nmethod = "best"', "method 'best'"),
        ('[[override]]\ntensor = "x"\nscheme = "odd"', "scheme 'odd'"),
        ('[[override]]\ntensor = "x"\npercentile = 50', "percentile 50"),
        ('[[override]]\ntensor = "x"\npercentile = 99\nmethod = "kl"', "percentile with method 'kl'"),
        ('[[override]]\ntensor = "x"\nweight-bits = 5', "weight-bits 5"),
        ('[[override]]\ntensor = "x"\nweight-bits = true', "weight-bits True"),
        ('[[override]]\ntensor = "x"\nweight-bits = 4.0', "weight-bits 4.0"),
        ('[[override]]\ntensor = "x"\nrange = [1]', "range [1]"),
        ('[[override]]\ntensor = "x"\nrange = [1, 1]', "range [1, 1]"),
        ('[[override]]\ntensor = "x"\nrange = [1, inf]', "range [1, inf]"),
        ('[[override]]\ntensor = "x"\nrange = [false, true]', "range [False, True]"),
    ],
)
def test_read_overrides_refuses_what_it_does_not_know(tmp_path, text, expected):
    with pytest.raises(McuqError, match="O001") as caught:
        overrides_of(tmp_path, text)
    assert expected in str(caught.value)


def test_read_overrides_says_everything_that_is_wrong(tmp_path):
    text = """
        [[override]]
        op = "conv2d"
        metod = "kl"
        scheme = "other"
        weight-bits = 5
        [[override]]
        tensor = "a"
        node = "b"
        range = [1, 0]
        """
    path = tmp_path / "quant.toml"
    path.write_text(text)
    with pytest.raises(McuqError) as caught:
        read_overrides(path)
    said = [(each.where.removeprefix(f"{path}, override "), each.why) for each in caught.value.problems]
    assert said == [
        ("1", "unknown key 'metod'"),
        ("1", "scheme 'other'"),
        ("1", "weight-bits 5"),
        ("2", "found ['tensor', 'node'] as patterns"),
        ("2", "range [1, 0]"),
    ]


def test_read_overrides_refuses_files_that_are_none(tmp_path):
    with pytest.raises(McuqError, match="O004"):
        overrides_of(tmp_path, "[[override")
    with pytest.raises(McuqError, match="O012"):
        read_overrides(tmp_path / "absent.toml")


def test_config_sha256_ignores_how_it_is_written(tmp_path):
    a = overrides_of(tmp_path, '[[override]]\ntensor = "x"\nrange = [0, 1]\nscheme = "symmetric" # so\n')
    b = overrides_of(tmp_path, '[[override]]\nscheme="symmetric"\nrange=[0.0,1.0]\ntensor="x"')
    assert config_sha256(a) == config_sha256(b) != config_sha256(a[:0])


@pytest.mark.parametrize(
    ("kind", "pattern", "near"),
    [("tensor", "stem/rel", "'stem/relu'"), ("op", "conv", "'conv2d'"), ("node", "stem_conv", "stem")],
)
def test_patterns_that_match_nothing_are_refused_with_the_nearest(kind, pattern, near):
    with pytest.raises(McuqError, match="O001") as caught:
        resolved(Override(kind, pattern, "kl"))
    assert near in str(caught.value)


def test_everything_that_matches_nothing_is_told_at_once():
    """Of every kind of setting; a pattern that two settings share once."""
    with pytest.raises(McuqError) as caught:
        calibrated(
            (
                Override("tensor", "stem/rel", "kl", activation_bits=16),
                Override("tensor", "image", scheme="symmetric"),
                Override("op", "softmax", weight_bits=4),
                Override("node", "nowhere", activation_bits=16),
                Override("tensor", "stem/relu", weight_bits=4),
                Override("op", "linear", weight_bits=4),
                Override("op", "lin", weight_bits=4),
            )
        )
    assert {"O001"} == {problem.code for problem in caught.value.problems}
    assert [(problem.where, problem.why) for problem in caught.value.problems] == [
        ("override 1", "no tensor with a range of its own matches 'stem/rel'"),
        ("override 2", "input 'image' has a scheme"),
        ("override 4", "no node with a range of its own matches 'nowhere'"),
        ("override 3", "no op of a layer with weights matches 'softmax'"),
        ("override 7", "no op of a layer with weights matches 'lin'"),
    ]


def test_patterns_match_tensors_operators_and_nodes():
    assert {"stem/relu"} == set(resolved(Override("tensor", "stem/*", "kl")))
    assert {"classifier/gemm"} == set(resolved(Override("op", "linear", "kl")))
    assert len(resolved(Override("op", "*", "kl"))) == 7


def test_later_overrides_win_setting_by_setting():
    found = resolved(
        Override("op", "*", "kl", scheme="symmetric"), Override("tensor", "stem/relu", range=(0.0, 4.0))
    )
    assert (
        found["stem/relu"].method,
        found["stem/relu"].range,
        found["stem/relu"].scheme,
    ) == (None, (0.0, 4.0), "symmetric")
    assert found["down/relu"].method == "kl"


def test_inputs_take_a_range_only():
    assert resolved(Override("tensor", "image", range=(0.0, 20.0)))["image"].range == (0.0, 20.0)
    assert "image" not in resolved(Override("tensor", "*", "kl"))
    with pytest.raises(McuqError, match="never searched"):
        resolved(Override("tensor", "image", "kl"))


def test_ranges_follow_the_overrides():
    plain, minmax = calibrated(()).ranges, calibrated((), method="minmax").ranges
    found = calibrated(
        (
            Override("tensor", "stem/relu", "minmax"),
            Override("tensor", "down/relu", range=(0.0, 5.0)),
            Override("tensor", "classifier/gemm", "minmax", scheme="symmetric"),
            Override("tensor", "image", range=(-1.0, 17.0)),
        )
    ).ranges
    assert minmax["stem/relu"] == found["stem/relu"]
    assert plain["depthwise/relu"] == found["depthwise/relu"]
    assert (Range(0.0, 5.0), Range(-1.0, 17.0)) == (found["down/relu"], found["image"])
    params = quant_params(found["classifier/gemm"], Scheme.ASYMMETRIC)
    assert quant_params(Range(0, minmax["classifier/gemm"].amax), Scheme.SYMMETRIC) == params


def test_ranges_follow_the_overrides_without_data():
    found = calibrated((Override("tensor", "down/relu", range=(0.0, 5.0)),), data=False).ranges
    assert Range(0.0, 5.0) == found["down/relu"]


def test_asymmetric_tensors_contradict_symmetric_activations():
    with pytest.raises(McuqError, match="O013"):
        calibrated((Override("op", "linear", scheme="asymmetric"),), activations="symmetric")


def test_build_shows_and_records_what_matched(tmp_path):
    config = tmp_path / "quant.toml"
    config.write_text('[[override]]\nop = "linear"\nmethod = "kl"\n', "utf-8")
    command = ["build", str(MODEL), "--target", "host", "--calibration", str(DIGITS / "calibration.npy")]
    command += ["--config", str(config), "--output", str(tmp_path / "d"), "--name", "digits", "--verify"]
    found = CliRunner().invoke(app, [*command, "none", "--samples", "16", "--weight-rounding", "nearest"])
    assert found.exit_code == 0, found.output
    assert "config: classifier/gemm: kl" in found.stdout
    options = json.loads((tmp_path / "d" / "digits.mcuq.json").read_text("utf-8"))["options"]
    assert options["override.classifier/gemm"] == "kl"
    assert config_sha256(read_overrides(config)) == options["config-sha256"]


def test_calibrate_takes_a_config_and_ranges_with_one_are_refused(tmp_path):
    config, ranges = tmp_path / "quant.toml", tmp_path / "r.json"
    config.write_text('[[override]]\nop = "linear"\nmethod = "kl"\n', "utf-8")
    command = ["calibrate", str(MODEL), "--calibration", str(DIGITS / "calibration.npy")]
    command += ["--output", str(ranges), "--config", str(config)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0 and "config: classifier/gemm: kl" in found.stdout
    with pytest.raises(McuqError, match="O013"):
        calibrate_model(read(MODEL), None, QuantOptions(overrides=read_overrides(config)), ranges=ranges)
