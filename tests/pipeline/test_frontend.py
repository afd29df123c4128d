"""A model file is opened and parsed once, whatever is done with it."""

import dataclasses
import hashlib

import pytest
from typer.testing import CliRunner

from mcuq import frontend
from mcuq.cli.app import app
from mcuq.errors import McuqError
from mcuq.frontend import open_model, read
from mcuq.onnxio import read as onnx_reader
from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.evaluate import evaluate
from mcuq.pipeline.export import export
from mcuq.reading import files
from tests.conftest import EXAMPLE

MODEL = EXAMPLE / "model.onnx"
DATA = EXAMPLE / "calibration.npy"
OPTIONS = QuantOptions(samples=8, weight_rounding="nearest")


@pytest.fixture
def counts(monkeypatch):
    """How often the model was opened and parsed, in this order."""
    found = [0, 0]
    open_file, load_source = files.open_file, onnx_reader.load_source

    def count_opened(path):
        found[0] += path == MODEL
        return open_file(path)

    def count_parsed(*args):
        found[1] += 1
        return load_source(*args)

    monkeypatch.setattr(files, "open_file", count_opened)
    monkeypatch.setattr(onnx_reader, "load_source", count_parsed)
    return found


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frontend")
    build(
        MODEL,
        "host",
        calibration=CalibrationData(DATA),
        output=folder / "out",
        verify="none",
        options=OPTIONS,
    )
    export(folder / "out", "json", folder / "encodings.json")
    return folder


def build_again(folder, **arguments):
    return build(MODEL, "host", output=folder, verify="none", options=OPTIONS, **arguments)


@pytest.mark.parametrize("data", [None, CalibrationData(DATA)], ids=["without data", "calibrated"])
def test_build_parses_the_model_once(counts, tmp_path, data):
    build_again(tmp_path / "out", calibration=data)
    assert counts == [1, 1]


def test_build_from_a_carried_program_only_hashes_the_model(firmware, counts, tmp_path):
    build_again(tmp_path / "out", encodings=firmware / "encodings.json")
    assert counts == [1, 0]


def test_build_from_encodings_parses_the_model_once(firmware, counts, tmp_path):
    encodings = tmp_path / "edited.json"
    text = (firmware / "encodings.json").read_text("utf-8")
    encodings.write_text(text.replace('"program"', '"left_out"'), "utf-8")
    build_again(tmp_path / "out", encodings=encodings)
    assert counts == [1, 1]


def test_calibrate_parses_the_model_once(counts, tmp_path):
    command = ["calibrate", str(MODEL), "--calibration", str(DATA), "--output", str(tmp_path / "r.json")]
    found = CliRunner().invoke(app, [*command, "--samples", "8", "--sensitivity"])
    assert found.exit_code == 0, found.output
    assert counts == [1, 1]


def test_evaluate_parses_the_model_once(firmware, counts):
    evaluate(firmware / "out", MODEL, EXAMPLE / "calibration.npy", None, None)
    assert counts == [1, 1]


def test_analyze_parses_the_model_once(counts):
    analyze(MODEL, CalibrationData(DATA), OPTIONS, samples=2)
    assert counts == [1, 1]


def test_export_only_hashes_the_model(firmware, counts, tmp_path):
    export(firmware / "out", "json", tmp_path / "again.json", MODEL)
    assert counts == [1, 0]


def test_read_gives_what_came_with_the_model():
    model = read(MODEL)
    assert model.name == "model.onnx"
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() == model.sha256 == open_model(MODEL).sha256
    assert model.graph.nodes
    assert not model.encodings
    assert model.normalizations


def test_read_takes_the_reader_of_the_suffix(monkeypatch, tmp_path):
    path = tmp_path / "net.TOY"
    path.write_bytes(b"toy")
    expected = read(MODEL)
    asked = []

    def read_toy(data, where, shapes):
        asked.append((data, where, dict(shapes)))
        return expected

    monkeypatch.setitem(frontend.FORMAT_READERS, ".toy", read_toy)
    assert read(path, {"x": (1, 2)}) is expected
    assert [(b"toy", path, {"x": (1, 2)})] == asked


@pytest.mark.parametrize("name", ["net.bin", "net", "net.onnx.txt"])
def test_read_takes_an_unknown_suffix_for_onnx(tmp_path, name):
    (tmp_path / name).write_bytes(MODEL.read_bytes())
    assert read(tmp_path / name).graph.nodes
    (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(McuqError, match="M001"):
        read(tmp_path / name)


def test_a_second_format_is_a_reader(monkeypatch, tmp_path):
    def read_toy(data, where, shapes):
        return dataclasses.replace(read(MODEL), name=where.name, sha256=hashlib.sha256(data).hexdigest())

    path = tmp_path / "net.toy"
    path.write_bytes(b"toy")
    monkeypatch.setitem(frontend.FORMAT_READERS, ".toy", read_toy)
    data, output = CalibrationData(DATA), tmp_path / "out"
    built = build(path, "host", calibration=data, output=output, verify="none", options=OPTIONS)
    expected = build_again(tmp_path / "onnx", calibration=data)
    assert hashlib.sha256(b"toy").hexdigest() == built.plan.program.origin.model_sha256
    assert [step.name for step in expected.plan.program.steps] == [s.name for s in built.plan.program.steps]
    scores = evaluate(output, path, DATA, None, None).outputs
    assert all(score.agreement > 0.9 for score in scores.values())
