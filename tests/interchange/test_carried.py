"""The program that mcuq's own encodings carry: the same build again gives the same firmware."""

import base64
import json

import pytest

from mcuq.errors import McuqError
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.export import export
from tests.conftest import EXAMPLE
from tests.interchange.models import small_model

MODEL = EXAMPLE / "model.onnx"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A function that builds digits once for some options, and gives the result and its encodings."""
    folder, known = tmp_path_factory.mktemp("exported"), {}

    def get(equalize):
        if equalize not in known:
            options = QuantOptions(samples=16, equalize=equalize)
            output = folder / equalize
            data = CalibrationData(EXAMPLE / "calibration.npy")
            result = build(
                MODEL, "cortex-m4", calibration=data, output=output, verify="none", options=options
            )
            export(output, "json", folder / f"{equalize}.json")
            known[equalize] = result, folder / f"{equalize}.json"
        return known[equalize]

    return get


def again(folder, file, model=MODEL, **options):
    output = folder / "again"
    asked = QuantOptions(**options)
    return build(
        model, "cortex-m4", output=output, verify="none", options=asked, encodings=file, name="model"
    )


def edited(folder, file, change):
    document = json.loads(file.read_text("utf-8"))
    change(document)
    path = folder / "edited.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


def refused(code, *args, **options):
    with pytest.raises(McuqError) as caught:
        again(*args, **options)
    assert [code] == [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize("equalize", ["on", "off"])
def test_carried_program_gives_the_same_firmware(tmp_path, exported, equalize):
    first, file = exported(equalize)
    second = again(tmp_path, file, equalize=equalize)
    assert first.files == second.files
    assert {"used"} == {note.outcome.value for note in second.imported}
    assert {"activation", "weights"} == {note.what for note in second.imported}


def test_carried_program_survives_another_layout_of_the_file(tmp_path, exported):
    first, file = exported("on")
    assert first.files == again(tmp_path, edited(tmp_path, file, lambda document: None), equalize="on").files


def test_carried_program_does_not_hide_edited_parameters(tmp_path, exported):
    first, file = exported("off")

    def double(document):
        row = document["activations"]["stem/relu"]
        row["scale"] = (2 * float.fromhex(row["scale"])).hex()

    found = again(tmp_path, edited(tmp_path, file, double), equalize="off").plan.program
    scales = [
        {tensor.name: tensor.quant.step for tensor in program.tensors}["stem/relu"]
        for program in (first.plan.program, found)
    ]
    assert 2 * scales[0] == scales[1]


def test_carried_program_does_not_hide_other_options(tmp_path, exported):
    _, file = exported("off")
    found = again(tmp_path, file, equalize="off", weight_rounding="nearest").plan.program
    assert dict(found.origin.options)["weight-rounding"] == "nearest"
    assert dict(exported("off")[0].plan.program.origin.options)["weight-rounding"] == "gptq"


def test_rescaled_parameters_without_their_program_are_refused(tmp_path, exported):
    _, file = exported("on")
    refused("O013", tmp_path, file, equalize="off")
    refused("O013", tmp_path, file, model=small_model(tmp_path), equalize="on")
    change = edited(tmp_path, file, lambda document: document["options"].update(seed="7"))
    refused("O013", tmp_path, change, equalize="on")


def test_damaged_program_is_refused(tmp_path, exported):
    _, file = exported("on")
    damaged = edited(tmp_path, file, lambda document: document.update(program="no base64!"))
    refused("Q008", tmp_path, damaged, equalize="on")
    noise = base64.b64encode(b"no program").decode()
    damaged = edited(tmp_path, file, lambda document: document.update(program=noise))
    refused("M009", tmp_path, damaged, equalize="on")
