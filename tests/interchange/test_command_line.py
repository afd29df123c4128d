"""Interchange on the command line: firmware from quantized models and encodings, and back out."""

import json

import numpy as np
import onnx
import pytest

from tests.cli.runner import run
from tests.interchange.models import samples_of, small_model, write
from tests.interchange.qnet import QNet, random_scales
from tests.interchange.test_encodings import aimet_200
from tests.small_models import run as run_onnx
from tests.small_models import save

NEAREST = ("--weight-rounding", "nearest", "--equalize", "off")


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """A firmware folder of the small model, its model and its encodings."""
    folder = tmp_path_factory.mktemp("firmware")
    model = small_model(folder)
    data = folder / "data.npy"
    np.save(data, np.random.default_rng(1).normal(size=(8, 1, 2, 6, 6)).astype(np.float32))
    done = run(
        *("build", model, "--target", "cortex-m3", "--calibration", data, "--name", "net", *NEAREST),
        *("--verify", "none", "--output", folder / "net"),
    )
    assert done.code == 0, done.err
    done = run("export", folder / "net", "--format", "json", "--output", folder / "e.json")
    assert done.code == 0, done.err
    return folder


def quantized_model(folder):
    net = QNet(x=[1, 3, 6, 6])
    scales = random_scales(net.rng, 4)
    x = net.pair("x", 0.05, 10, "uint8")
    y = net.add("Conv", x, net.weights((4, 3, 3, 3), scales), net.bias(np.float32(0.05) * scales, 4))
    net.pair(net.add("Relu", y), 0.2, -128)
    net.nodes[-1].output[0] = "y"
    return save(net.model("y"), folder, "quantized.onnx")


def test_quantized_model_builds_and_verifies_without_calibration(tmp_path):
    model = quantized_model(tmp_path)
    done = run("build", model, "--target", "cortex-m4", "--name", "q", "--output", tmp_path / "q", "--json")
    assert done.code == 0, done.err
    assert done.json["ranges"] == "embedded"
    assert done.json["verify"]["identical"]
    rows = {(row["tensor"], row["what"]): row["outcome"] for row in done.json["imported"]}
    assert rows["x", "activation"] == "used"
    assert "calibration" not in done.err
    manifest = json.loads((tmp_path / "q" / "q.mcuq.json").read_text())
    assert manifest["ranges"] == "embedded"
    assert manifest["accuracy_known"]


def test_table_of_what_became_of_parameters_is_printed(tmp_path):
    model = quantized_model(tmp_path)
    done = run(
        *("build", model, "--target", "host", "--name", "q", "--verify", "none"), "--output", tmp_path / "q"
    )
    assert "imported quantization: 4 used" in done.out
    assert "codes of the file" in done.out


def test_own_encodings_give_byte_identical_firmware(firmware, tmp_path):
    done = run(
        *("build", firmware / "net.onnx", "--target", "cortex-m3", "--name", "net", *NEAREST),
        *("--encodings", firmware / "e.json", "--output", tmp_path / "net"),
    )
    assert done.code == 0, done.err
    assert files(firmware / "net") == files(tmp_path / "net")


def test_foreign_encodings_build_and_verify(firmware, tmp_path):
    done = run(
        *("build", firmware / "net.onnx", "--target", "cortex-m3", "--name", "net", "--json"),
        *("--encodings", write(tmp_path, aimet_200()), "--output", tmp_path / "net"),
    )
    assert done.code == 0, done.err
    assert (done.json["ranges"], done.json["verify"]["identical"]) == ("imported", True)


def test_export_writes_every_format(firmware, tmp_path):
    for form, name in (
        ("qdq", "q.onnx"),
        ("json", "e.json"),
        ("tensorrt", "t.cache"),
        ("tensorrt", "t.json"),
        ("ppq", "p.json"),
        ("ncnn", "n.table"),
        ("ort-table", "calibration.json"),
        ("ort-overrides", "o.json"),
        ("aimet-0.6.1", "a.encodings"),
        ("aimet-1.0.0", "b.encodings"),
        ("aimet-2.0.0", "c.encodings"),
    ):
        done = run("export", firmware / "net", "--format", form, "--output", tmp_path / name)
        assert done.code == 0, done.err
        assert f"written to {tmp_path / name}" in done.out
        assert ("widened" in done.out) == (form in ("tensorrt", "ncnn"))
        assert ("no name here" in done.out) == (form.startswith(("ppq", "ort-o", "aimet")))
    model = onnx.load(tmp_path / "q.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert run_onnx(model.SerializeToString(), {"image": np.zeros((1, 2, 6, 6), np.float32)})["logits"].shape
    assert "image: " in (tmp_path / "t.cache").read_text()
    assert "image" in json.loads((tmp_path / "t.json").read_text())["act_quant_info"]


@pytest.mark.parametrize(
    "arguments,code",
    [
        (("--format", "json", "--plain"), "O013"),
        (("--format", "qdq", "--model", "other.onnx"), "O013"),
        (("--format", "qdq", "--model", "missing.onnx"), "O012"),
    ],
)
def test_export_refuses(firmware, tmp_path, arguments, code):
    (tmp_path / "other.onnx").write_bytes(b"another")
    arguments = [tmp_path / each if each.endswith(".onnx") else each for each in arguments]
    done = run("export", firmware / "net", *arguments, "--output", tmp_path / "x")
    assert done.code == 2
    assert f"error[{code}]" in done.err


def test_export_takes_the_model_it_was_built_from(firmware, tmp_path):
    model = firmware / "net.onnx"
    done = run(
        "export", firmware / "net", *("--format", "qdq", "--model", model, "--output", tmp_path / "q.onnx")
    )
    assert done.code == 0, done.err


@pytest.mark.parametrize("form", ["ppq", "ort-overrides", "aimet-0.6.1", "aimet-1.0.0", "aimet-2.0.0"])
def test_parameters_exported_with_the_model_give_the_same_program(firmware, tmp_path, form):
    model, file = firmware / "net.onnx", tmp_path / "parameters"
    done = run("export", firmware / "net", "--format", form, "--model", model, "--output", file)
    assert done.code == 0, done.err
    assert "no name here" not in done.out
    done = run(
        *("build", model, "--target", "cortex-m3", "--name", "net", "--encodings", file, *NEAREST),
        *("--verify", "none", "--output", tmp_path / "net"),
    )
    assert done.code == 0, done.err
    first, second = ((each / "net" / "src" / "net.c").read_bytes() for each in (firmware, tmp_path))
    assert code_of(first) == code_of(second)


def code_of(source):
    """The C without its banner, which has the options."""
    return source.split(b"*/", 1)[1]


def test_export_needs_a_firmware_folder_and_a_place(firmware, tmp_path):
    assert "O011" in run("export", tmp_path, "--format", "json", "--output", tmp_path / "x").err
    place = tmp_path / "no" / "x.json"
    assert "O012" in run("export", firmware / "net", "--format", "json", "--output", place).err


def test_encodings_contradict_quantized_models_and_stored_programs(firmware, tmp_path):
    model = quantized_model(tmp_path)
    for source in (model, firmware / "net" / "net.mcuq.npz"):
        done = run(
            *("build", source, "--target", "host", "--encodings", firmware / "e.json"),
            *("--name", "q", "--output", tmp_path / "q"),
        )
        assert done.code == 2
        assert "error[O013]" in done.err


def test_ranges_complete_what_encodings_leave_open(firmware, tmp_path):
    ranges = tmp_path / "ranges.json"
    data = tmp_path / "data.npy"
    np.save(
        data, samples_of("image", np.random.default_rng(4).normal(size=(6, 1, 2, 6, 6))).source.array("image")
    )
    done = run("calibrate", firmware / "net.onnx", "--calibration", data, "--output", ranges)
    assert done.code == 0, done.err
    document = json.loads((firmware / "e.json").read_text())
    del document["activations"]["logits"]
    options = ("--encodings", write(tmp_path, document), "--name", "q", "--output", tmp_path / "q")
    build = ("build", firmware / "net.onnx", "--target", "host", "--verify", "none", *options)
    refused = run(*build)
    assert (refused.code, "error[Q007]" in refused.err) == (1, True)
    done = run(*build, "--ranges", ranges, "--json")
    assert done.code == 0, done.err
    assert {"tensor": "logits", "what": "activation", "outcome": "own"}.items() <= next(
        row for row in done.json["imported"] if row["tensor"] == "logits" and row["what"] == "activation"
    ).items()
