"""`mcuq build --flash`: the mode decides what waits and what is chosen, is recorded, and changes no bit."""

import json
from pathlib import Path

import pytest

import mcuq
from mcuq.errors import McuqError
from mcuq.options import QuantOptions
from mcuq.pipeline.lock import check_lock, write_lock
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.profile.profile import profile_firmware
from mcuq.report.build import summary_lines
from mcuq.targets import load_target
from tests.cli.runner import run
from tests.profile.helpers import need

STORED = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"
BOARD = "nucleo-l4r5zi"
WIDE = "128-prefetch"


@pytest.fixture
def wide(tmp_path):
    options = QuantOptions(flash=WIDE)
    mcuq.build(STORED, BOARD, output=tmp_path / "net", name="net", verify="host", options=options)
    return mcuq.open_firmware(tmp_path / "net")


def test_every_mode_of_a_board_is_planned_by_its_own_stalls():
    program = load_program(STORED)
    plans = {
        mode.name: plan_program(program, BOARD, mode.name) for mode in load_target(BOARD).board.flash_modes
    }
    assert list(plans) == [plan.flash for plan in plans.values()]
    cycles = {name: plan.costs.run_cycles for name, plan in plans.items()}
    assert cycles["128-prefetch"] < cycles["128"] < cycles["64"]
    bare = plan_program(program, "cortex-m4")
    assert bare.flash is None
    assert bare.costs.run_cycles < cycles["128-prefetch"]


def test_the_first_mode_is_that_of_a_build_that_names_none():
    program = load_program(STORED)
    plan, named = (plan_program(program, BOARD, flash) for flash in (None, "64"))
    assert named.flash == plan.flash == "64"
    assert named.memory == plan.memory
    assert named.costs == plan.costs


def test_mode_stands_in_manifest_banner_and_summary(wide):
    assert json.loads(wide.manifest)["flash"] == WIDE
    assert f"chosen for flash mode {WIDE}." in (wide.directory / "src/net.c").read_text()
    text = "\n".join(summary_lines(wide.plan, "net", Path("x"), None))
    assert f"net for {BOARD} in flash mode {WIDE}: " in text


def test_a_core_alone_names_no_mode(tmp_path):
    mcuq.build(STORED, "cortex-m4", output=tmp_path / "net", name="net", verify="none")
    firmware = mcuq.open_firmware(tmp_path / "net")
    assert "flash" not in json.loads(firmware.manifest)
    assert "flash mode" not in (firmware.directory / "src/net.c").read_text()
    assert "flash" not in json.loads(write_lock(firmware.directory, None).read_bytes())


def test_a_firmware_folder_is_opened_in_its_mode(wide):
    assert wide.plan.flash == WIDE
    assert wide.plan.costs == plan_program(load_program(STORED), BOARD, WIDE).costs


def test_lock_holds_the_mode(wide):
    path = write_lock(wide.directory, None)
    assert json.loads(path.read_bytes())["flash"] == WIDE
    assert check_lock(path).flash == WIDE


@pytest.mark.parametrize(("flash", "code"), [("32", "O020"), (64, "O004")])
def test_lock_of_a_strange_mode_is_refused(wide, flash, code):
    path = write_lock(wide.directory, None)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "flash": flash}))
    with pytest.raises(McuqError, match=rf"error\[{code}\]"):
        check_lock(path)


def test_profile_counts_on_the_mode_of_the_build(wide):
    need(load_target(BOARD).core)
    built, shipped, named = (
        profile_firmware(wide.directory, wide.plan, wide.name, board=board, flash=flash)
        for board, flash in ((None, None), (BOARD, "64"), (BOARD, WIDE))
    )
    assert built.flash_mode.name == WIDE
    assert built == named
    assert built.cycles < shipped.cycles


@pytest.mark.parametrize(
    ("target", "flash", "words"),
    [
        (BOARD, "32", "its modes are: 64, 64-prefetch, 128, 128-prefetch"),
        ("nrf52840-dk", "64", "nothing is known of how its core sees its flash"),
        ("cortex-m4", "64", "'cortex-m4' is a core"),
        ("host", "plain", "'host' is a core"),
    ],
)
def test_a_mode_that_is_not_there_is_refused_before_anything_is_read(tmp_path, target, flash, words):
    arguments = ("--target", target, "--flash", flash, "--output", tmp_path / "net")
    result = run("build", tmp_path / "missing.onnx", *arguments)
    assert result.code == 2
    assert "error[O020]" in result.err
    assert words in " ".join(result.err.split())
    assert "fix:" in result.err
    assert not (tmp_path / "net").exists()


def test_unknown_target_and_unknown_mode_are_named_at_once(tmp_path):
    result = run("build", STORED, "--target", "nucleo-l4r5", "--flash", "32", "--output", tmp_path / "net")
    assert result.code == 2
    assert "error[O002]" in result.err
    assert "error[O020]" in result.err
    # A mode that some board has is not what is wrong.
    with pytest.raises(McuqError) as caught:
        load_target("nucleo-l4r5", "64")
    assert [problem.code for problem in caught.value.problems] == ["O002"]
