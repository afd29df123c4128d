"""Programs that do not reach their end: what is said about them, and that nothing is left behind."""

import pytest

from mcuq.errors import Exit, McuqError
from mcuq.targets import list_targets
from mcuq.verify.image import build_image
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require_compiler, require_machine

CORES = {each.name: each.core for each in list_targets() if each.board is None}

PROGRAM = """
#include <stdint.h>
#include "mcuq_harness_io.h"

extern const uint32_t in_flash;
static volatile uint32_t in_ram;
static volatile int array[4];

__attribute__((noinline)) static void store_to(uintptr_t address)
{
    *(volatile uint32_t *)address = 5u;
}

__attribute__((noinline)) static void jump_to(uintptr_t address)
{
    ((void (*)(void))address)();
}

__attribute__((noinline)) static int recurse(volatile int *from)
{
    volatile int here[64];
    here[0] = *from + 1;
    return recurse(here) + here[0];
}

__attribute__((noinline)) static void spin(void)
{
    for (;;) {
        in_ram++;
    }
}

int main(void)
{
    char what = 0;
    volatile int zero = 0;
    mcuq_io_read(&what, 1);
    switch (what) {
    case 'u': store_to(0x50000000u); break;
    case 'f': store_to((uintptr_t)&in_flash); break;
    case 'j': jump_to(0x50000001u); break;
    case 'x': jump_to((uintptr_t)&in_ram | 1u); break;
    case 'i': __builtin_trap();
    case 's': return recurse(&zero);
    case 'l': spin(); break;
    case 'b': return array[zero + (int)sizeof array];
    case 'o': zero = 0x7fffffff + (zero + 1); break;
    case 'r': mcuq_io_read((void *)(uintptr_t)&in_flash, 4); break;
    default: break;
    }
    return 0x1234;
}
const uint32_t in_flash = 0x1234u;
"""

# Per machine and letter: what the error has to say, in words.
SAID = {
    ("cortex-m4", "unicorn"): {
        "u": ["store to unmapped address 0x50000000", "'store_to'"],
        "f": ["store to read-only address 0x", "'store_to'"],
        "j": ["jump to unmapped address", "pc 0x50000000 in no function"],
        "x": ["jump to data at address 0x2000", "in no function"],
        "i": ["Invalid instruction", "in 'main'"],
        "s": ["store to unmapped address 0x1ff", "in 'recurse'"],
        "l": ["still running after 0.2 s", "in 'spin'"],
        "r": ["input read to address 0x", "not all in RAM", "'mcuq_io_read'"],
    },
    ("cortex-m4", "qemu"): {
        "u": ["access to memory that is not the program's, address 0x50000000", "'store_to'", "cfsr=0x"],
        "f": ["access to memory that is not the program's, address 0x0000", "'store_to'"],
        "j": ["jump to memory that is not executable, pc 0x50000000 in no function"],
        "x": ["jump to memory that is not executable, pc 0x2000"],
        "i": ["undefined instruction, pc 0x", "in 'main'"],
        "s": ["the stack has overflowed"],
        "l": ["still running after 0.2 s", "in 'spin'"],
    },
    ("cortex-m0plus", "unicorn"): {"u": ["'store_to'"], "f": ["store to read-only"], "l": ["in 'spin'"]},
    ("cortex-m0plus", "qemu"): {
        "i": ["hard fault", "in 'main'"],
        "s": ["the stack has overflowed"],
        "l": ["in 'spin'"],
    },
    ("cortex-m33", "qemu"): {"u": ["'store_to'"], "f": ["'store_to'"], "s": ["overflowed"], "x": ["jump"]},
    ("cortex-m55", "qemu"): {"u": ["'store_to'"], "f": ["'store_to'"], "s": ["overflowed"], "x": ["jump"]},
    ("rv32imc", "unicorn"): {
        "u": ["store to unmapped address 0x50000000", "'store_to'"],
        "f": ["store to read-only address 0x8", "'store_to'"],
        "i": ["Invalid instruction", "in 'main'"],
        "s": ["store refused", "in 'recurse'"],
        "l": ["in 'spin'"],
    },
    ("rv32imc", "qemu"): {
        "f": ["store refused, address 0x8", "'store_to'"],
        "j": ["illegal instruction", "pc 0x5000000", "in no function"],
        "i": ["in 'main'"],
        "l": ["in 'spin'"],
    },
    ("host", "host"): {
        "i": ["ended by signal"],
        "l": ["still running after 0.2 s"],
    },
}


@pytest.fixture(scope="module")
def crasher(tmp_path_factory):
    """Build the program for a core, once."""
    images = {}

    def build(core, compiler="gcc", **options):
        key = (core, compiler, *options.items())
        if key not in images:
            require_compiler(CORES[core], compiler)
            folder = tmp_path_factory.mktemp("crash")
            (folder / "crash.c").write_text(PROGRAM, "utf-8")
            toolchain = find_toolchain(CORES[core], compiler)
            images[key] = build_image(
                CORES[core], toolchain, [folder / "crash.c"], workdir=folder, opt="-O1", **options
            )
        return images[key]

    return build


def crash_text(image, letter, machine):
    with pytest.raises(McuqError) as caught:
        run_image(image, letter.encode() + b"1234567", machine, 0.2 if letter == "l" else 20)
    (problem,) = caught.value.problems
    assert (problem.code, caught.value.exit_code) == ("V003", Exit.NOT_BIT_EXACT)
    assert image.path.name in problem.where
    return problem.why


@pytest.mark.parametrize(
    ("core", "machine", "letter"), [(*key, letter) for key, said in SAID.items() for letter in said]
)
def test_machines_crash_says_what_and_where(crasher, monkeypatch, tmp_path, core, machine, letter):
    require_machine(CORES[core], machine)
    image = crasher(core)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    why = crash_text(image, letter, machine)
    for words in SAID[core, machine][letter]:
        assert words in why
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("core", "machine"), SAID)
def test_machines_run_leaves_nothing_behind(crasher, monkeypatch, tmp_path, capfd, core, machine):
    require_machine(CORES[core], machine)
    image = crasher(core)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # Exit codes are bytes everywhere, as on any operating system.
    assert run_image(image, b"-", machine, 20).exit_code == 0x34
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("compiler", "letter", "words"),
    [(kind, *case) for kind in ("gcc", "zig") for case in [("b", "out of bounds"), ("o", "overflow")]],
)
def test_machines_crash_shows_the_sanitizers_report(crasher, compiler, letter, words):
    require_compiler(CORES["host"], compiler)
    sanitizers = find_toolchain(CORES["host"], compiler).sanitizers
    why = crash_text(crasher("host", compiler, sanitize=sanitizers), letter, "host")
    assert words in why
    assert "crash.c:" in why


def test_machines_host_without_its_files_aborts(crasher, monkeypatch):
    image = crasher("host")
    monkeypatch.setattr("mcuq.verify.machines.host.INPUT_FILE", "missing/in.bin")
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: 0)
    assert "cannot open the file that MCUQ_IO_INPUT names" in crash_text(image, "-", "host")


def test_machines_qemu_failure_is_not_an_exit_code(crasher, monkeypatch):
    require_machine(CORES["cortex-m4"], "qemu")
    image = crasher("cortex-m4")
    monkeypatch.setattr("mcuq.verify.machines.qemu.INPUT_FILE", "in.bin,unknown=1")
    assert "QEMU ended with code 1" in crash_text(image, "-", "qemu")
