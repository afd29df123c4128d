"""The profile of the digits example: its parts add up, and it says what it knows and what it does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import mcuq
from mcuq.profile.profile import profile_firmware
from tests.tools import require

BOARD = "nucleo-l4r5zi"
DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits/model.onnx"
KEYS = {"toolchain", "core", "instructions", "cycles", "macs", "flash", "ram", "layers"}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    folder = tmp_path_factory.mktemp("profile")

    def build(target: str):
        output = folder / target
        if not output.exists():
            mcuq.build(DIGITS, target, output=output, name="digits", verify="none")
        return mcuq.open_firmware(output)

    return build


def profile(firmware, **options):
    require("unicorn")
    return profile_firmware(firmware.directory, firmware.plan, firmware.name, **options)


def test_layers_add_up_to_the_whole(firmware):
    found = profile(firmware(BOARD))
    assert found.macs == sum(layer.macs for layer in found.layers)
    # The layers come from a build with marks, which the compiler inlines a little differently.
    for field in ("instructions", "cycles"):
        whole, parts = getattr(found, field), sum(getattr(layer, field) for layer in found.layers)
        assert whole == pytest.approx(parts, rel=0.02), field
    assert found.latency_ms == pytest.approx(1e3 * found.cycles / 120e6)


def test_a_board_counts_its_flash_beside_zero_wait(firmware):
    board, core = firmware(BOARD), firmware("cortex-m4")
    bare = profile(core)
    assert bare.flash_mode is None
    assert bare.cycles == bare.zero_wait_cycles
    found = {name: profile(core, board=BOARD, flash=name) for name in ("64", "128-prefetch")}
    assert [each.zero_wait_cycles for each in found.values()] == [bare.cycles] * 2
    assert bare.cycles < found["128-prefetch"].cycles < found["64"].cycles
    assert all(layer.cycles >= layer.zero_wait_cycles for layer in found["64"].layers)
    assert "mode 64: 5 wait states" in found["64"].note
    # What a board is shipped with, asked for in either way.
    assert profile(core, board=BOARD) == found["64"]
    # A build for the board has constants that wait in the arena, and is a little slower without wait states.
    assert profile(board) == profile(board, flash="64")
    assert profile(board).cycles < found["64"].cycles


def test_a_board_of_which_no_flash_is_known_says_so(firmware):
    found = profile(firmware("cortex-m4"), board="nrf52840-dk")
    assert found.flash_mode is None
    assert found.cycles == found.zero_wait_cycles
    assert "zero wait states" in found.note
    assert "'nrf52840-dk'" in found.note


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"board": "rp2040"}, "O013", "cortex-m0plus"),
        ({"board": "nucleo"}, "O002", "unknown target"),
        ({"flash": "64"}, "O020", "a core alone"),
        ({"board": BOARD, "flash": "32"}, "O020", "64, 64-prefetch, 128, 128-prefetch"),
        ({"board": "nrf52840-dk", "flash": "64"}, "O020", "nothing is known"),
    ],
)
def test_boards_and_modes_that_do_not_fit_are_refused(firmware, options, code, words):
    with pytest.raises(mcuq.McuqError, match=rf"error\[{code}\]") as caught:
        profile(firmware("cortex-m4"), **options)
    assert words in str(caught.value)


def test_profile_is_repeatable(firmware):
    one, two = (profile(firmware(BOARD)) for _ in range(2))
    assert one == two


def test_sizes_are_those_of_the_plan(firmware):
    opened = firmware(BOARD)
    found = profile(opened)
    assert found.arena_bytes == opened.plan.memory.arena_bytes
    assert 1_000 < found.code_bytes < 24_000
    assert 100 < found.stack_painted_bytes <= found.stack_bytes < 2_000


def test_core_without_a_model_gets_instructions_only(firmware):
    found = profile(firmware("cortex-m0plus"))
    assert found.cycles is None
    assert found.latency_ms is None
    assert found.instructions > found.macs
    assert "no cycle model" in found.note


def test_faster_kernels_are_faster(firmware):
    assert profile(firmware("cortex-m3")).cycles > 2 * profile(firmware(BOARD)).zero_wait_cycles


def test_command_prints_the_pinned_keys(firmware):
    require("unicorn")
    directory = firmware(BOARD).directory
    command = [sys.executable, "-m", "mcuq", "profile", directory, "--json"]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    document = json.loads(run.stdout)
    assert set(document) >= KEYS
    parts = {"code_bytes", "weights_bytes", "parameters_bytes", "library_bytes", "memory_functions_bytes"}
    assert set(document["flash"]) == {*parts, "total_bytes"}
    assert document["flash"]["total_bytes"] == sum(document["flash"][part] for part in parts)
    assert set(document["ram"]) >= {"arena_bytes", "stack_bytes", "stack_painted_bytes"}
    assert set(document["layers"][0]) == {
        *("name", "op", "kernel", "macs", "instructions", "cycles", "zero_wait_cycles")
    }


def test_host_firmware_is_refused(firmware):
    with pytest.raises(mcuq.McuqError, match=r"error\[O013\]"):
        profile(firmware("host"))
