"""Projects of firmware with placement: what is placed lies there, is copied there, and runs there."""

import subprocess

import pytest

from mcuq.targets import load_target
from tests.cli.runner import refused, run
from tests.device.test_project import _make
from tests.tools import require

STORED = "digits_mcuq/digits.mcuq.npz"
KERNEL, ARENA = "mcuq_conv2d_s8", "arena"
# Boards that QEMU has, then one that it has not; of each which memory holds kernels, weights and arena.
PLACES = {
    "mps2-an386": ("kernels=psram,weights=psram,arena=psram", ("psram", "psram", "psram")),
    "mps2-an500": ("weights=sram,arena=psram", (None, "sram", "psram")),
    "mps3-an547": ("kernels=itcm,weights=dtcm+code,arena=dtcm", ("itcm", "dtcm", "dtcm")),
    "stm32f746g-disco": ("kernels=itcm,weights=flash", ("itcm", None, None)),
}


@pytest.fixture
def place(firmware, monkeypatch):
    """The current folder, with the digits firmware in it."""
    monkeypatch.chdir(firmware.parent)
    return firmware.parent


def _build(board, placing):
    arguments = ("--target", board, "--place", placing, "--output", "placed", "--name", "digits")
    done = run("build", STORED, *arguments, "--verify", "none")
    assert done.code == 0, done.err


def _address(path, word):
    """Of the first symbol whose name holds a word."""
    done = subprocess.run(["arm-none-eabi-nm", path], capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    return next(int(row[0], 16) for row in rows if len(row) == 3 and word in row[2])


def _lies_in(board, name, address):
    memory = load_target(board).board.memory(name)
    return memory.range.origin <= address < memory.range.origin + memory.range.bytes


@pytest.mark.parametrize("board", list(PLACES))
def test_project_keeps_the_placement(board, place):
    require("make")
    require("arm-none-eabi-gcc")
    placing, memories = PLACES[board]
    _build(board, placing)
    assert run("selftest", "placed", "--machine", board, "--output", "project").code == 0
    _make("project")
    image = place / "project/build/image.elf"
    target = load_target(board).board
    defaults = (target.flash.name, target.flash.name, target.ram.name)
    for word, memory, default in zip((KERNEL, "down_conv", ARENA), memories, defaults, strict=True):
        assert _lies_in(board, memory or default, _address(image, word)), word
    if target.machine is not None:
        require("qemu-system-arm")
        (place / "log.txt").write_text(_make("project", "-s", "run"))
        assert run("compare", "log.txt", "placed").code == 0


def test_project_says_where_parts_lie(place):
    _build("mps3-an547", PLACES["mps3-an547"][0])
    assert run("selftest", "placed", "--machine", "mps3-an547", "--output", "project").code == 0
    readme = (place / "project/README.md").read_text()
    assert "--place kernels=itcm,weights=dtcm+code,arena=dtcm" in readme
    assert "`itcm` and `dtcm`" in readme


def test_project_without_placement_has_none(place):
    assert run("selftest", "digits_mcuq", "--machine", "mps2-an386", "--output", "project").code == 0
    assert "Placement" not in (place / "project/README.md").read_text()
    assert ".mcuq" not in (place / "project/device/placed.ld").read_text()


def test_project_computes_otherwise_where_nothing_is_copied(place):
    """What the emulator loads is in flash alone: a right log proves that start-up code copied it."""
    require("make")
    require("arm-none-eabi-gcc")
    require("qemu-system-arm")
    _build("mps2-an386", "weights=psram")
    assert run("selftest", "placed", "--machine", "mps2-an386", "--output", "project").code == 0
    (place / "project/device/placed_table.ld").write_text("/* nothing */\n")
    done = subprocess.run(["make", "-s", "run"], cwd="project", capture_output=True, text=True, timeout=120)
    (place / "log.txt").write_text(done.stdout)
    refused(run("compare", "log.txt", "placed"), 4, "V005")


OWN = """description = "mine"
source = "nobody"
core = "cortex-m4"
clock_hz = 1_000_000

[[memories]]
name = "code"
kind = "flash"
origin = 0x00000000
size = "1M"

[[memories]]
name = "sram"
kind = "ram"
origin = 0x20000000
size = "64K"

[[memories]]
name = "fast"
kind = "ram"
origin = 0x10000000
size = "64K"
"""


def test_project_is_refused_where_it_cannot_keep_the_placement(place):
    _build("mps2-an386", "arena=psram")
    text = refused(run("selftest", "placed", "--machine", "nucleo-l4r5zi", "--output", "project"), 2, "O013")
    assert "it names memories of 'mps2-an386', and the project is for 'nucleo-l4r5zi'" in text
    (place / "mine.toml").write_text(OWN)
    _build("mine.toml", "arena=fast")
    text = refused(run("selftest", "placed", "--machine", "mps2-an386", "--output", "project"), 2, "O013")
    assert "a board of your own" in text
    _build("rp2040", "weights=sram")
    text = refused(run("selftest", "placed", "--machine", "rp2040", "--output", "project"), 2, "O013")
    assert "loaded into RAM as a whole" in text
    assert not (place / "project").exists()
    # What is where it would be anyway is kept anywhere.
    _build("mps2-an386", "weights=flash,arena=ram")
    assert run("selftest", "placed", "--machine", "nucleo-l4r5zi", "--output", "project").code == 0
