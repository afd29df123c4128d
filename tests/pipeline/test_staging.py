"""A board whose flash stalls the core: constants wait in the arena, visibly, and no bit changes."""

import json
from pathlib import Path

import pytest

import mcuq
from mcuq.codegen.model_view import model_view
from mcuq.memory.check import check_memory
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.profile.profile import profile_firmware
from mcuq.report.build import summary_lines
from mcuq.targets import load_target
from tests.profile.helpers import build, need, stacks

STORED = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"
BOARD = "nucleo-l4r5zi"


def test_constants_wait_on_a_board_and_nowhere_else():
    program = load_program(STORED)
    board, core = plan_program(program, BOARD), plan_program(program, "cortex-m4")
    assert any(board.memory.staged) and not any(core.memory.staged)
    assert board.memory.arena_bytes == core.memory.arena_bytes
    scratch, walks = [call.scratch_bytes for call in board.calls], [call.walks for call in board.calls]
    check_memory(board.program, scratch, board.memory, walks=walks)
    waiting = [sum(each.size_bytes for each in step) for step in board.memory.staged if step]
    text = f"flash: {sum(waiting):,} B of constants of {len(waiting)} layers"
    assert text in "\n".join(summary_lines(board, "net", Path("x"), None))
    assert "flash:" not in "\n".join(summary_lines(core, "net", Path("x"), None))


def test_waiting_constants_are_named_in_the_c_and_in_the_manifest(tmp_path):
    firmware = build(STORED, BOARD, tmp_path)
    text = (firmware.directory / "src/net.c").read_text()
    (staged,) = next(step for step in firmware.plan.memory.staged if step)
    at = f"&work[{staged.offset}]"
    assert f"mcuq_stage({at}, waiting.weights, {staged.size_bytes});\n    waiting.weights = {at};" in text
    assert f"constants wait at [{staged.offset}] ({staged.size_bytes} B)" in text
    assert "Constants are copied to the arena first" in text
    document = json.loads(firmware.manifest)
    found = next(step["staged"] for step in document["steps"] if "staged" in step)
    assert [{"field": "weights", "offset": staged.offset, "size_bytes": staged.size_bytes}] == found


@pytest.mark.parametrize("machine", ["host", "emulator"])
def test_waiting_constants_change_no_bit(tmp_path, machine):
    need(load_target(BOARD).core)
    report = mcuq.build(STORED, BOARD, output=tmp_path / "net", name="net", verify=machine).report
    assert report.is_identical


def test_waiting_constants_save_what_the_flash_would_stall(tmp_path):
    need(load_target(BOARD).core)
    waiting, core = (build(STORED, target, tmp_path) for target in (BOARD, "cortex-m4"))
    ours, theirs = (
        profile_firmware(each.directory, each.plan, each.name, board=BOARD).cycles for each in (waiting, core)
    )
    assert ours < theirs


def test_modelled_cycles_know_the_flash(tmp_path):
    need(load_target(BOARD).core)
    firmware = build(STORED, BOARD, tmp_path)
    core = plan_program(load_program(STORED), "cortex-m4")
    profile = profile_firmware(firmware.directory, firmware.plan, firmware.name)
    modelled = firmware.plan.costs.run_cycles
    assert core.costs.cycles < modelled
    assert abs(modelled - profile.cycles) < 0.07 * profile.cycles


@pytest.mark.slow
@pytest.mark.parametrize("opt", ["-O0", "-O2", "-O3"])
def test_stack_bound_holds_where_constants_wait(tmp_path, opt):
    need(load_target(BOARD).core)
    firmware = build(STORED, BOARD, tmp_path)
    claimed, painted = stacks(firmware, "gcc", opt, tmp_path / "image")
    assert painted <= claimed <= model_view(firmware.plan, "net", ()).stack_bytes
