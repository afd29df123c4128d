"""Misuse of builds that call CMSIS-NN: each has its own error, and nobody's files change."""

import dataclasses
import json
import subprocess

import pytest

from mcuq import api
from mcuq.codegen.library import SINGLE_ROUNDING
from mcuq.device.compare import compare_log, expect
from mcuq.device.image import run_selftest
from mcuq.device.log import parse_log
from mcuq.errors import McuqError
from mcuq.options import QuantOptions
from mcuq.profile.profile import profile_firmware
from mcuq.targets import load_target
from mcuq.verify.library import VARIABLE
from mcuq.verify.toolchain import WARNINGS
from tests.tools import require, require_compiler, require_machine
from tests.truth.packages import require_package

OPTIONS = QuantOptions(kernels="cmsis-nn")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def _stored(digits):
    return next(digits.firmware.glob("*.mcuq.npz"))


def _build(digits, output, verify="none", target="cortex-m4", **options):
    return api.build(
        _stored(digits),
        target,
        output=output,
        name="digits",
        verify=verify,
        options=dataclasses.replace(OPTIONS, **options.pop("with_options", {})),
        **options,
    )


def _fake(folder, headers, sources=("a.c",)):
    """A folder as the library's, with other content."""
    for name, text in headers.items():
        path = folder / "Include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "Source").mkdir(parents=True, exist_ok=True)
    for name in sources:
        (folder / "Source" / name).write_text("", "utf-8")
    return folder


HEADERS = {
    "arm_nnfunctions.h": "",
    "arm_nnsupportfunctions.h": "",
    "arm_nn_types.h": " * $Revision:    V.2.2.0\n",
}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: None, "neither the option nor the environment"),
        (lambda folder: folder / "nothing", "missing: arm_nnfunctions.h"),
        (lambda folder: _fake(folder, {"arm_nnfunctions.h": ""}, ()), "arm_nn_types.h, C files"),
        (lambda folder: _fake(folder, HEADERS), "arm_nn_types.h is of revision 2.2.0"),
    ],
    ids=["nowhere", "no folder", "another folder", "earlier"],
)
def test_build_without_the_right_library_is_refused_and_changes_nothing(tmp_path, digits, make, why):
    output = tmp_path / "out"
    _build(digits, output)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    library = make(tmp_path / "library")
    with pytest.raises(McuqError) as caught:
        _build(digits, output, "host", cmsis_nn=library)
    (problem,) = caught.value.problems
    assert problem.code == "O029"
    assert why in problem.why
    assert before == {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    with pytest.raises(McuqError, match="O029"):
        api.verify(output, cmsis_nn=library)


def test_version_4_is_refused_by_mcuq_and_by_the_compiler(tmp_path, digits):
    """As a package carries it."""
    require("cc")
    folder = require_package("bakenn", "bakenn") / "backend" / "cmsis_nn" / "vendor" / "cmsis_nn"
    directory = _build(digits, tmp_path / "out").directory
    with pytest.raises(McuqError, match=r"O029(.*\n)*.*arm_nn_types.h is of revision 2\.2\.0"):
        api.verify(directory, cmsis_nn=folder)
    code, text = _compiled(directory, "-D__GNUC_PYTHON__", f"-isystem{folder / 'Include'}")
    assert code != 0
    assert "calls CMSIS-NN 7: the headers on the include path are of an earlier version" in text


def test_the_variable_is_named_where_it_is_wrong(tmp_path, digits, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    with pytest.raises(McuqError, match=f"where: {VARIABLE} ") as caught:
        _build(digits, tmp_path / "out", "host")
    assert caught.value.problems[0].code == "O029"
    assert not (tmp_path / "out").exists()


def test_a_core_of_another_kind_is_refused(tmp_path, digits):
    with pytest.raises(McuqError, match=r"O013.*\n.*--kernels cmsis-nn and --target rv32imc"):
        _build(digits, tmp_path / "out", target="rv32imc")
    assert not (tmp_path / "out").exists()


def _compiled(folder, *flags):
    """What the compiler says of the model's file."""
    command = ["cc", "-std=c99", "-fsyntax-only", *flags, f"-I{folder / 'include'}", f"-I{folder / 'src'}"]
    done = subprocess.run(
        [*command, str(folder / "src" / "digits.c")], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("rounding", "flags", "says"),
    [
        (
            "double",
            ("-DCMSIS_NN_USE_SINGLE_ROUNDING",),
            "round twice: leave CMSIS_NN_USE_SINGLE_ROUNDING out",
        ),
        ("single", (), f"round once: define {SINGLE_ROUNDING}"),
        ("double", (), "calls CMSIS-NN: put the library's Include folder"),
    ],
)
def test_compiler_refuses_the_other_rounding_and_no_library(tmp_path, digits, rounding, flags, says):
    require("cc")
    result = _build_rounding(digits, tmp_path / "out", rounding)
    code, text = _compiled(result.directory, *flags)
    assert code != 0
    assert f"mcuq: this model {says}".replace("model round", "model and CMSIS-NN round") in text


def _build_rounding(digits, output, rounding):
    """The contract of a stored program is settled: another one needs the model."""
    if rounding == "double":
        return _build(digits, output)
    options = QuantOptions(kernels="cmsis-nn", rounding=rounding, weight_rounding="nearest")
    return api.build(
        digits.model,
        "cortex-m4",
        calibration=digits.calibration,
        output=output,
        name="digits",
        verify="none",
        options=options,
    )


def test_compiler_refuses_an_earlier_version(tmp_path, digits):
    require("cc")
    directory = _build(digits, tmp_path / "out").directory
    library = _fake(tmp_path / "library", HEADERS)
    code, text = _compiled(directory, f"-isystem{library / 'Include'}")
    assert code != 0
    assert (
        "mcuq: this model calls CMSIS-NN 7: the headers on the include path are of an earlier version" in text
    )


def test_firmware_compiles_without_warnings_and_says_what_it_is_made_of(tmp_path, digits, cmsis_nn):
    require("cc")
    result = _build(digits, tmp_path / "out", "host", cmsis_nn=cmsis_nn)
    assert result.report.is_identical
    code, text = _compiled(result.directory, "-DMCUQ_C_FORMS", *WARNINGS, f"-isystem{cmsis_nn / 'Include'}")
    assert (code, text) == (0, "")
    manifest = json.loads((result.directory / "digits.mcuq.json").read_text("utf-8"))
    kernels = [step["kernel"] for step in manifest["steps"]]
    library = manifest["library"]
    assert library["steps"] == sum(kernel.startswith("mcuq_cmsis_nn_") for kernel in kernels) > 4
    assert library["own"] == [
        {"name": step["name"], "op": step["op"], "kernel": step["kernel"], "why": own["why"]}
        for step, own in zip(
            (each for each in manifest["steps"] if not each["kernel"].startswith("mcuq_cmsis_nn_")),
            library["own"],
            strict=True,
        )
    ]
    assert [own["op"] for own in library["own"]] == ["mean"]
    assert library["is_macro_defined"] is False


def test_stored_program_makes_the_same_firmware_again(tmp_path, digits):
    first = _build(digits, tmp_path / "out")
    stored = next(first.directory.glob("*.mcuq.npz"))
    again = api.build(stored, "cortex-m4", output=tmp_path / "again", name="digits", verify="none")
    assert first.files == again.files
    own = api.build(
        stored,
        "cortex-m4",
        output=tmp_path / "own",
        name="digits",
        verify="none",
        options=QuantOptions(kernels="own"),
    )
    assert own.files == {
        path.relative_to(digits.firmware).as_posix(): path.read_bytes()
        for path in digits.firmware.rglob("*")
        if path.is_file()
    }


def test_less_work_memory_than_the_library_wants_is_an_error_of_the_run(tmp_path, digits, cmsis_nn):
    """The manifest's checksums aside: the folder is trusted."""
    require("cc")
    directory = _build(digits, tmp_path / "out").directory
    path = directory / "src" / "digits.c"
    text = path.read_text("utf-8")
    assert text.count(".scratch_bytes = ") > 1
    path.write_text(text.replace(".scratch_bytes = ", ".scratch_bytes = -1 + "), "utf-8")
    with pytest.raises(McuqError, match=r"V003.*\n.*\n.*CMSIS-NN refused a step"):
        api.verify(directory, trust=True, cmsis_nn=cmsis_nn)


@pytest.mark.slow
def test_profile_counts_the_library_and_the_self_test_runs_with_it(tmp_path, digits, cmsis_nn):
    require_compiler(load_target("cortex-m4").core, "gcc")
    require_machine(load_target("cortex-m4").core, "qemu")
    result = _build(digits, tmp_path / "out")
    profile = profile_firmware(result.directory, result.plan, "digits", cmsis_nn=cmsis_nn)
    own = profile_firmware(digits.firmware, api.open_firmware(digits.firmware).plan, "digits")
    assert profile.flash.library > own.flash.library + 1000
    assert profile.instructions > own.instructions
    run = run_selftest(
        result.directory, result.plan, "digits", load_target("cortex-m4").core, cmsis_nn=cmsis_nn
    )
    comparison = compare_log(parse_log(run.log, tmp_path), expect(result.plan))
    assert comparison.first is None
