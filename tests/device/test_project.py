"""Projects for boards: written whole, compiled by their own make, run where QEMU has the board."""

import shutil
import struct
import subprocess
import time

import pytest

from mcuq.device.project import board_cores
from mcuq.targets import list_targets, load_target
from tests.cli.runner import refused, run
from tests.tools import require

RAM = 0x20000000
# Two with clock and serial line that QEMU has, one that it has not; likewise of those with memories alone.
BOARDS = ("mps2-an386", "microbit-v1", "nucleo-l4r5zi", "mps3-an547", "stm32f411-blackpill")
EMULATED = {"mps2-an386": (), "microbit-v1": ("EMULATED=1",), "mps3-an547": ()}


@pytest.fixture
def place(firmware, monkeypatch):
    """The current folder, with the digits firmware in it."""
    monkeypatch.chdir(firmware.parent)
    return firmware.parent


def _make(folder, *arguments):
    done = subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "warning" not in done.stderr
    return done.stdout


def _for_core(core):
    if core == "cortex-m4":
        return "digits_mcuq"
    done = run("build", "digits_mcuq/digits.mcuq.npz", "--target", core, "--output", core, "--verify", "none")
    assert done.code == 0, done.err
    return core


@pytest.mark.parametrize("board", BOARDS)
def test_project_compiles_and_runs_where_it_can(board, place):
    require("make")
    require("arm-none-eabi-gcc")
    folder = _for_core(board_cores()[board])
    assert run("selftest", folder, "--machine", board, "--output", "project").code == 0
    readme = (place / "project" / "README.md").read_text()
    assert (place / "project" / "device" / "boards" / board / "notes.md").read_text().strip() in readme
    _make("project", "BENCH=1", *EMULATED.get(board, ()))
    assert (place / "project" / "build" / "image.elf").stat().st_size > 10_000
    if board in EMULATED:
        require("qemu-system-arm")
        log = _make("project", "-s", "BENCH=1", *EMULATED[board], "run")
        (place / "log.txt").write_text(log)
        assert run("compare", "log.txt", folder).code == 0
        assert "emulator" in refused(run("profile", folder, "--measured", "log.txt"), 2, "O022")


@pytest.mark.parametrize("put", ["semihosting", "rtt"])
def test_project_compiles_for_other_ways_out(put, place):
    require("make")
    require("arm-none-eabi-gcc")
    assert run("selftest", "digits_mcuq", "--machine", "mps2-an386", "--output", "project").code == 0
    _make("project", f"PUT={put}")
    if put == "semihosting":
        require("qemu-system-arm")
        command = (
            "qemu-system-arm -M mps2-an386 -display none -serial none -monitor none -semihosting -kernel"
        )
        done = subprocess.run(
            [*command.split(), "project/build/image.elf"], capture_output=True, text=True, timeout=60
        )
        (place / "log.txt").write_text(done.stdout + done.stderr)
        assert run("compare", "log.txt", "digits_mcuq").code == 0


def test_project_leaves_lines_where_a_probe_for_rtt_finds_them(place):
    """What a debug probe does: find the mark in RAM, read the block behind it, take what is in the ring."""
    require("make")
    require("arm-none-eabi-gcc")
    require("qemu-system-arm")
    folder = _for_core("cortex-m0plus")
    assert run("selftest", folder, "--machine", "microbit-v1", "--output", "project").code == 0
    _make("project", "PUT=rtt", "OPT=-O2 -DMCUQ_RTT_BYTES=2048")
    command = "qemu-system-arm -M microbit -display none -serial none -monitor stdio"
    arguments = [*command.split(), "-kernel", "project/build/image.elf"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(arguments, **pipes) as qemu:
        ram = _ram_when_ended(qemu, place / "ram.bin")
    assert ram.count(b"SEGGER RTT") == 1
    at = ram.index(b"SEGGER RTT\0\0\0\0\0\0")
    rings, _, _, address, size, written, read, flags = struct.unpack_from("<ii6I", ram, at + 16)
    assert (rings, size, read, flags) == (1, 2048, 0, 2)
    (place / "log.txt").write_bytes(ram[address - RAM :][:written])
    assert run("compare", "log.txt", folder).code == 0


def _ram_when_ended(qemu, path):
    """The first 16 KB of RAM when the last line is in it."""
    for _ in range(60):
        time.sleep(0.5)
        qemu.stdin.write(f'memsave {RAM:#x} 0x4000 "{path}"\n')
        qemu.stdin.flush()
        if path.is_file() and b"mcuq-end 0" in path.read_bytes():
            break
    qemu.stdin.write("quit\n")
    qemu.stdin.flush()
    qemu.wait(20)
    return path.read_bytes()


def test_project_is_written_for_every_board_with_an_arm_core(place):
    assert set(BOARDS) < set(board_cores())
    boards = [target.board for target in list_targets() if target.board is not None]
    expected = {board.name for board in boards if load_target(board.core).core.arch == "arm"}
    assert expected <= set(board_cores())
    for board, core in board_cores().items():
        if core == "cortex-m4":
            assert run("selftest", "digits_mcuq", "--machine", board, "--output", "project").code == 0
            assert (place / "project" / "device" / "boards" / board / "link.ld").is_file()


def test_project_goes_beside_by_default_and_is_replaced_as_a_whole(place):
    assert run("selftest", "digits_mcuq", "--machine", "nucleo-l4r5zi").code == 0
    first = {path.relative_to(place) for path in (place / "digits_selftest").rglob("*")}
    document = run("selftest", "digits_mcuq", "--machine", "nrf52840-dk", "--json").json
    assert document == {"directory": "digits_selftest", "board": "nrf52840-dk", "name": "digits"}
    second = {path.relative_to(place) for path in (place / "digits_selftest").rglob("*")}
    assert {path.name for path in first ^ second} >= {"nucleo-l4r5zi", "nrf52840-dk"}


def test_project_is_refused_where_it_cannot_be(place):
    text = refused(run("selftest", "digits_mcuq", "--machine", "rp2040"), 2, "O013")
    assert "--target cortex-m0plus" in text
    text = refused(run("selftest", "digits_mcuq", "--machine", "toaster", "--output", "project"), 2, "O001")
    assert "nucleo-l4r5zi" in text
    (place / "mine").mkdir()
    (place / "mine" / "notes.txt").write_text("mine")
    refused(run("selftest", "digits_mcuq", "--machine", "nucleo-l4r5zi", "--output", "mine"), 2, "O010")
    assert [path.name for path in (place / "mine").iterdir()] == ["notes.txt"]
    source = place / "digits_mcuq" / "src" / "digits.c"
    source.write_text(source.read_text() + "\n")
    refused(run("selftest", "digits_mcuq", "--machine", "nucleo-l4r5zi"), 4, "V004")
    shutil.rmtree("digits_mcuq")
    refused(run("selftest", "digits_mcuq", "--machine", "nucleo-l4r5zi"), 2, "O011")
    assert not (place / "digits_selftest").exists()
