"""The library where it was measured to be faster: who decides, where that is recorded, and what refuses."""

import dataclasses
import json

import pytest

from mcuq import api
from mcuq.errors import McuqError
from mcuq.ir.kernel_set import KernelSet, LibraryTimes, StepTime
from mcuq.ir.store import program_to_npz
from mcuq.options import QuantOptions
from mcuq.pipeline.library_times import measure_library
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.targets import load_target
from mcuq.verify.library import VARIABLE
from tests.cmsis_nn.test_library_refusals import HEADERS, _fake
from tests.tools import require, require_compiler, require_machine

AUTO = QuantOptions(kernels="auto")


def _stored(digits):
    return next(digits.firmware.glob("*.mcuq.npz"))


def _program(digits, **times):
    """The digits program with times: the library wins by one at step 0 and loses by one at step 1."""
    program = load_program(_stored(digits))
    steps = (StepTime(0, 100, 99), StepTime(1, 100, 101), StepTime(2, 100, 100))
    found = LibraryTimes("cortex-m4", None, "cycles", steps, own_run=1000, mixed_run=999)
    return dataclasses.replace(
        program, kernels=KernelSet.AUTO, library_times=dataclasses.replace(found, **times)
    )


def _library_steps(plan):
    return [index for index, call in enumerate(plan.calls) if call.is_library_call]


def test_only_a_step_that_was_faster_is_the_librarys(digits):
    plan = plan_program(_program(digits), "cortex-m4")
    assert _library_steps(plan) == [0]
    reasons = {each.reason for each in plan.calls[1].refused if each.kernel.startswith("mcuq_cmsis_nn_")}
    assert reasons == {"the library takes 101 cycles on cortex-m4, mcuq's kernel 100"}


@pytest.mark.parametrize(
    ("times", "target", "why"),
    [
        ({"mixed_run": 1000}, "cortex-m4", "a run with the library where it is faster takes 1,000 cycles"),
        ({}, "cortex-m3", "the library's time was not measured"),
        ({"flash": "other"}, "cortex-m4", "the library's time was not measured"),
        ({"steps": ()}, "cortex-m4", "the library's time was not measured"),
    ],
    ids=["no gain", "another core", "another mode", "nothing measured"],
)
def test_what_was_not_measured_to_pay_is_ours(digits, times, target, why):
    plan = plan_program(_program(digits, **times), target)
    assert _library_steps(plan) == []
    own = plan_program(dataclasses.replace(_program(digits), kernels=KernelSet.OWN), target)
    assert [each.kernel for each in plan.calls] == [each.kernel for each in own.calls]
    assert any(why in each.reason for each in plan.calls[0].refused)


def test_a_stored_choice_is_built_again_without_the_library(tmp_path, digits, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    stored = tmp_path / "digits.mcuq.npz"
    stored.write_bytes(program_to_npz(_program(digits)))
    first, again = (
        api.build(stored, "cortex-m4", output=tmp_path / name, name="digits", verify="none")
        for name in ("a", "b")
    )
    assert first.files == again.files
    assert first.files["digits.mcuq.npz"] == stored.read_bytes()
    library = json.loads(first.files["digits.mcuq.json"])["library"]
    assert (library["name"], library["steps"]) == ("cmsis-nn", 1)
    assert library["measured"]["run"] == {"own": 1000, "mixed": 999}
    assert [each["own"] for each in library["measured"]["steps"]] == [100, 100, 100]
    with pytest.raises(McuqError, match="O029"):  # another core is measured anew
        api.build(stored, "cortex-m3", output=tmp_path / "c", name="digits", verify="none")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("target", "options", "says"),
    [
        ("rv32imc", {}, r"O013.*\n.*--kernels auto and --target rv32imc"),
        ("host", {}, r"O013.*'host' cannot be profiled"),
        ("cortex-m4", {"optimize": "ram"}, r"O013.*\n.*--kernels auto and --optimize ram"),
        ("cortex-m4", {}, r"O029.*\n(.*\n)*.*neither the option nor the environment"),
    ],
)
def test_what_cannot_be_measured_is_refused_and_changes_nothing(
    tmp_path, digits, monkeypatch, target, options, says
):
    monkeypatch.delenv(VARIABLE, raising=False)
    chosen = dataclasses.replace(AUTO, **options)
    with pytest.raises(McuqError, match=says):
        api.build(_stored(digits), target, output=tmp_path / "out", verify="none", options=chosen)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_version_is_refused(tmp_path, digits):
    folder = _fake(tmp_path / "library", HEADERS)
    with pytest.raises(McuqError, match=r"O029(.*\n)*.*revision 2\.2\.0"):
        api.build(_stored(digits), "cortex-m4", output=tmp_path / "out", options=AUTO, cmsis_nn=folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_faster_one_is_measured_and_computes_the_same(tmp_path, digits, cmsis_nn):
    """On a Cortex-M3 the library computes some layers faster than kernels in plain C."""
    core = load_target("cortex-m3").core
    require("cc")
    require_compiler(core, "gcc")
    require_machine(core, "unicorn")
    result = api.build(
        _stored(digits), "cortex-m3", output=tmp_path / "out", name="digits", options=AUTO, cmsis_nn=cmsis_nn
    )
    assert result.report.is_identical
    times = result.plan.stored.library_times
    faster = [each.step for each in times.steps if each.library < each.own]
    assert 0 < len(faster) < len(times.steps)
    assert times.mixed_run < times.own_run
    assert _library_steps(result.plan) == faster
    again = measure_library(result.plan.stored, load_target("cortex-m3"), "digits", None)
    assert again is result.plan.stored
