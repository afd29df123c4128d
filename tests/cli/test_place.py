"""`mcuq build --place`: parts at the addresses of their memories, with the same bits."""

import json
import re

import pytest

import mcuq
from mcuq.memory.regions import constant_groups, group_bytes, placed_bytes
from mcuq.targets import load_target
from mcuq.verify.image import build_image, linker_script
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.cli.runner import refused, run
from tests.cli.test_budgets import STORED
from tests.cli.test_build_refusals import build_refused
from tests.e2e.selftest_image import MAIN
from tests.tools import require_compiler, require_machine

PLACE = "weights=itcm,arena=dtcm,kernels=itcm"
# A Cortex-M4 whose fast memory has room for some constants alone.
SMALL = """
description = "A board with little fast memory"
source = "none"
core = "cortex-m4"
clock_hz = 25_000_000
machine = { qemu = "mps2-an386", boot = "rom" }
memories = [
    { name = "rom", kind = "flash", origin = 0x00000000, size = "4M" },
    { name = "ram", kind = "ram", origin = 0x20000000, size = "64K" },
    { name = "fast", kind = "itcm", origin = 0x21000000, size = "4K" },
]
"""


def build(place, target, asked, *more):
    output = place / "placed"
    command = ("build", place / STORED, "--target", target, "--place", asked, "--output", output)
    result = run(*command, *more)
    assert result.code == 0, result.err
    return mcuq.open_firmware(output), result


def linked(firmware, folder):
    """The self-test as an image for the board."""
    core = firmware.plan.resolved.core
    require_compiler(core, "gcc")
    where, name = firmware.directory, firmware.name
    folder.mkdir()
    (folder / "main.c").write_text(MAIN.format(name=name), "utf-8")
    sources = [folder / "main.c"]
    sources += [where / "selftest" / f"{name}_{each}.c" for each in ("selftest", "selftest_data")]
    sources += [where / "src" / each for each in (f"{name}.c", f"{name}_weights.c")]
    includes = [where / each for each in ("include", "src", "selftest")]
    options = {"include_dirs": includes, "defines": {f"{name.upper()}_TRACE": "1"}, "warnings": True}
    return build_image(core, find_toolchain(core, "gcc"), sources, workdir=folder, **options)


def addresses(image):
    """Where everything lies that has a name, also what is private to a file; a kernel's copy has its name."""
    elffile = pytest.importorskip("elftools.elf.elffile")
    with image.path.open("rb") as file:
        table = elffile.ELFFile(file).get_section_by_name(".symtab")
        return {each.name.partition(".constprop")[0]: each["st_value"] & ~1 for each in table.iter_symbols()}


def test_parts_lie_at_the_addresses_of_their_memories(place, tmp_path):
    firmware, _ = build(place, "mps3-an547", PLACE, "--verify", "none")
    image = linked(firmware, tmp_path / "image")
    board = load_target("mps3-an547").board
    itcm, dtcm = (board.memory(name).range for name in ("itcm", "dtcm"))
    symbols = addresses(image)
    kernels = {call.kernel for call in firmware.plan.calls}
    for symbol in ("digits_run", "digits_w00_weights", *kernels):
        assert itcm.holds(symbols[symbol]), symbol
    assert dtcm.holds(symbols["digits_arena"], firmware.plan.memory.arena_bytes)
    assert board.flash.range.holds(symbols["main"])
    require_machine(image.core, "qemu")
    assert run_image(image, b"", "qemu").exit_code == 0


@pytest.mark.parametrize(
    ("target", "asked", "on"),
    [
        ("mps3-an547", PLACE, "qemu"),
        ("mps3-an547", "weights=ddr,arena=itcm,kernels=itcm", "qemu"),
        ("mps2-an386", "weights=psram,kernels=psram", "emulator"),
        # QEMU has no such board: its sections stay in flash and RAM.
        ("nucleo-h743zi", "weights=itcm+axi,arena=dtcm,kernels=itcm", "emulator"),
    ],
)
def test_bits_are_those_of_the_simulator(place, target, asked, on):
    core = load_target(target).core
    require_compiler(core, "gcc")
    require_machine(core, "qemu" if on == "qemu" else "unicorn")
    firmware, _ = build(place, target, asked, "--verify", "none")
    verified = run("verify", firmware.directory, "--on", on, "--samples", "2")
    assert verified.code == 0, verified.err
    assert ", 0 differ" in verified.out


def test_constants_fill_the_first_memory_with_what_is_read_most(place, tmp_path):
    board = place / "small.toml"
    board.write_text(SMALL)
    firmware, result = build(place, board, "weights=fast+flash", "--verify", "emulator")
    assert "0 differ" in result.out
    plan = firmware.plan
    assert set(plan.constants) == {"fast", "rom"}
    groups = {plan.program.steps[group[0]].name: group for group in constant_groups(plan.calls)}
    fast = [group for group in groups.values() if plan.constants[group[0]] == "fast"]
    slow = [group for group in groups.values() if plan.constants[group[0]] == "rom"]
    taken = sum(group_bytes(plan.calls, group) for group in fast)
    assert taken <= 4096
    assert all(taken + group_bytes(plan.calls, group) > 4096 for group in slow)
    # Weights of convolutions are read for each of their outputs, the table of the softmax once.
    assert plan.constants[groups["stem/conv"][0]] == "fast"
    assert placed_bytes(plan)["fast"] == taken
    manifest = json.loads(firmware.manifest)
    assert manifest["place"] == "weights=fast+flash"
    listed = {each["step"]: each["memory"] for each in manifest["placed"]["constants"]}
    assert listed == {step.name: home for step, home in zip(plan.program.steps, plan.constants, strict=True)}
    assert manifest["placed"]["bytes"] == placed_bytes(plan)
    symbols = addresses(linked(firmware, tmp_path / "image"))
    for position, index in enumerate(plan.memory.order):
        # A struct that the compiler has put into the code has no address.
        own = [at for name, at in symbols.items() if re.match(rf"digits_[pw]{position:02d}_", name)]
        assert own or not plan.calls[index].arrays
        assert all((address >= 0x21000000) == (plan.constants[index] == "fast") for address in own)


def test_a_lock_holds_the_placement(place):
    firmware, _ = build(place, "mps3-an547", PLACE, "--verify", "host")
    path = place / "placed.mcuq.lock"
    assert run("lock", firmware.directory, "--output", path).code == 0
    assert json.loads(path.read_bytes())["place"] == PLACE
    assert run("check", path).code == 0
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "place": "weights=moon"}))
    refused(run("check", path), 2, "O025")
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "place": 5}))
    refused(run("check", path), 2, "O004")


def test_what_is_not_placed_is_as_it_was(place):
    plain, placed = place / "plain", place / "placed"
    command = ("build", place / STORED, "--target", "mps3-an547", "--verify", "none", "--output")
    assert run(*command, plain).code == 0
    assert run(*command, placed, "--place", "weights=flash,arena=ram,kernels=code").code == 0
    for path in ("src/digits.c", "src/digits_weights.c", "include/digits_arena.h"):
        lines = (placed / path).read_text().splitlines()
        assert [line for line in lines if "Placed:" not in line] == (plain / path).read_text().splitlines()
    assert not list(plain.rglob("*_sections.h"))
    assert "section" not in (plain / "src/digits.c").read_text()


@pytest.mark.parametrize(
    ("asked", "count", "words"),
    [
        ("weights=moon", 1, "'nucleo-h743zi' has no memory 'moon'; its memories are: flash, axi, itcm"),
        ("weights=moon,arena=flash,kernels=dtcm", 3, "the arena is written, and 'flash' is flash"),
        ("kernels=dtcm", 1, "no code runs from 'dtcm'"),
        ("arena=axi+dtcm", 1, "arena lie in one memory"),
        ("weights=itcm+itcm", 1, "a memory is named twice"),
        ("weights=itcm,weights=dtcm", 1, "'weights' is placed twice"),
        ("code=itcm", 1, "'code' is none of weights, arena and kernels"),
        ("weights", 1, "has no memory ''"),
        ("", 1, "'' is none of"),
        ("weights=itcm;arena=" + "x" * 300, 1, "has no memory"),
        ("weights=itcm," * 900, 1, "at most 400"),
    ],
)
def test_a_placement_that_the_board_does_not_allow(place, asked, count, words):
    arguments = ("--target", "nucleo-h743zi", "--place", asked)
    text = build_refused(place, 2, *("O025",) * count, model=place / STORED, arguments=arguments)
    assert words in text
    assert len(text) < 8000


def test_a_core_alone_has_no_memories(place):
    arguments = ("--target", "cortex-m7", "--place", PLACE)
    text = build_refused(place, 2, "O025", model=place / STORED, arguments=arguments)
    assert "'cortex-m7' is a core alone" in text


def test_a_memory_that_is_too_small(place):
    board = place / "small.toml"
    board.write_text(SMALL.replace('"4K"', '"1K"'))
    arguments = ("--target", board, "--place", "weights=fast,arena=fast")
    text = build_refused(place, 3, "T001", model=place / STORED, arguments=arguments)
    assert "what is placed in 'fast' of 'small' does not fit" in text
    assert "1_024 are available" in text


def test_an_arena_elsewhere_leaves_the_ram(place):
    """The board's RAM has to hold what is in it, and no more."""
    board = place / "small.toml"
    board.write_text(SMALL.replace('"64K"', '"2K"'))
    arguments = ("--target", board)
    build_refused(place, 3, "T001", model=place / STORED, arguments=arguments)
    build(place, board, "arena=fast", "--verify", "none")


def test_the_linker_script_of_a_machine_names_its_memories():
    machine = load_target("mps3-an547").core.machines[0]
    script = linker_script(machine)
    assert "MEM_DTCM (rwx) : ORIGIN = 0x20000000, LENGTH = 0x80000" in script
    # The vector table and what is placed share the memory where the core boots.
    assert "BOOT" not in script
    assert script.count("> MEM_ITCM") == 3
