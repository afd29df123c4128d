"""One program, every machine: the same bytes come out."""

import struct
import sys

import pytest

from mcuq.errors import McuqError
from mcuq.targets import list_targets, load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines import run_image
from mcuq.verify.machines.unicorn import count_rvc, count_thumb
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require, require_compiler, require_machine

CORES = {each.name: each.core for each in list_targets() if each.board is None}

# Squares through a 64-bit multiply; then floats, a 64-bit division, static objects with and without a
# first value, and the four memory functions at all alignments (the sizes are volatile: no inlining).
PROGRAM = """
#include <stdint.h>
#include <string.h>
#include "mcuq_harness_io.h"

static int32_t initialized[3] = {11, 22, 33};
static int32_t zeroed[64];
static unsigned char a[64], b[64];
static volatile size_t length;

static int check_memory(size_t from, size_t to, size_t bytes)
{
    size_t i;
    int equal;
    for (i = 0; i < sizeof a; i++) {
        a[i] = (unsigned char)(i + 1u);
        b[i] = 0;
    }
    length = bytes;
    memcpy(&b[to], &a[from], length);
    for (i = 0; i < sizeof b; i++) {
        const int inside = (i >= to) && (i < to + bytes);
        if (b[i] != (inside ? (unsigned char)(from + i - to + 1u) : 0u)) {
            return 1;
        }
    }
    equal = memcmp(&b[to], &a[from], length);
    memmove(&a[to], &a[from], length);
    if ((equal != 0) || (memcmp(&a[to], &b[to], length) != 0)) {
        return 2;
    }
    memset(&b[to], 0xA5, length);
    for (i = 0; i < sizeof b; i++) {
        const int inside = (i >= to) && (i < to + bytes);
        if (b[i] != (inside ? 0xA5u : 0u)) {
            return 3;
        }
    }
    a[0] = 1;
    b[0] = 200;
    length = 1;
    return ((memcmp(a, b, length) < 0) && (memcmp(b, a, length) > 0)) ? 0 : 4;
}

int main(void)
{
    int32_t count = 0;
    int32_t x = 0;
    uint64_t sum = 0;
    size_t from;
    volatile float half = 0.5f;
    if (mcuq_io_read(&count, sizeof count) != sizeof count) {
        return 101;
    }
    for (; count > 0; count--) {
        int64_t square;
        float scaled;
        int64_t quotient;
        if (mcuq_io_read(&x, sizeof x) != sizeof x) {
            return 102;
        }
        square = (int64_t)x * x;
        sum += (uint64_t)square;
        scaled = (float)x * half + 1.5f;
        quotient = square / (int64_t)(initialized[0] + zeroed[count & 63]);
        mcuq_io_write(&square, sizeof square);
        mcuq_io_write(&quotient, sizeof quotient);
        mcuq_io_write(&scaled, sizeof scaled);
    }
    if (mcuq_io_read(&x, sizeof x) != 0u) {
        return 103;
    }
    for (from = 0; from < 20u * 20u * 20u; from += 23u) {
        const int bad = check_memory(from % 20u, from / 20u % 20u, from / 400u);
        if (bad != 0) {
            return 110 + bad;
        }
    }
    initialized[1]++;
    return (initialized[1] == 23) ? (int)(sum & 0x3F) : 104;
}
"""

VALUES = (0, 1, -3, 70_000, -(2**31), 2**31 - 1, 12_345_678)
INPUT = struct.pack(f"<{len(VALUES) + 1}i", len(VALUES), *VALUES)
OUTPUT = b"".join(struct.pack("<qqf", x * x, x * x // 11, x * 0.5 + 1.5) for x in VALUES)
CODE = sum(x * x for x in VALUES) & 0x3F

RUNS = [
    (core, compiler, machine)
    for core in sorted(CORES)
    for compiler in ("gcc", "zig")
    for machine in ("host", "unicorn", "qemu")
    if (core == "host") == (machine == "host") and (core, machine) != ("cortex-m55", "unicorn")
]


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Build the program for a core with a compiler, once."""
    images = {}

    def build(core, compiler, **options):
        key = (core, compiler, *options.items())
        if key not in images:
            require_compiler(CORES[core], compiler)
            folder = tmp_path_factory.mktemp("squares")
            (folder / "squares.c").write_text(PROGRAM, "utf-8")
            images[key] = build_image(
                CORES[core],
                find_toolchain(CORES[core], compiler),
                [folder / "squares.c"],
                workdir=folder,
                **options,
            )
        return images[key]

    return build


@pytest.mark.parametrize(("core", "compiler", "machine"), RUNS)
def test_machines_run_the_program(squares, core, compiler, machine):
    require_machine(CORES[core], machine)
    run = run_image(squares(core, compiler), INPUT, machine, 20)
    assert (run.exit_code, run.output) == (CODE, OUTPUT)
    assert run.instructions is None
    assert 0 < run.seconds < 20


@pytest.mark.parametrize("opt", ["-O0", "-O3", "-Os"])
@pytest.mark.parametrize(
    ("core", "machine"), [("host", "host"), ("cortex-m0plus", "qemu"), ("cortex-m55", "qemu")]
)
def test_machines_run_it_at_any_optimization(squares, core, machine, opt):
    require_machine(CORES[core], machine)
    run = run_image(squares(core, "gcc", opt=opt, warnings=True), INPUT, machine, 20)
    assert (run.exit_code, run.output) == (CODE, OUTPUT)


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_machines_run_it_under_sanitizers(squares, compiler):
    require_compiler(CORES["host"], compiler)
    sanitizers = find_toolchain(CORES["host"], compiler).sanitizers
    run = run_image(squares("host", compiler, sanitize=sanitizers), INPUT, "host", 20)
    assert (run.exit_code, run.output) == (CODE, OUTPUT)


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m55"])
def test_machines_run_it_in_the_larger_memories(squares, core):
    require_machine(CORES[core], "qemu")
    image = squares(core, "gcc", machine=CORES[core].machines[1].name)
    run = run_image(image, INPUT, "qemu", 20)
    assert (run.exit_code, run.output) == (CODE, OUTPUT)


@pytest.mark.parametrize("machine", ["unicorn", "qemu"])
def test_machines_run_it_within_a_boards_memories(squares, machine):
    board = load_target("nucleo-f103rb")
    require_machine(board.core, machine)
    image = squares(board.core.name, "gcc", flash_bytes=board.flash_bytes, ram_bytes=board.ram_bytes)
    assert (image.machine.flash.bytes, image.machine.ram.bytes) == (128 << 10, 20 << 10)
    run = run_image(image, INPUT, machine, 20)
    assert (run.exit_code, run.output) == (CODE, OUTPUT)


@pytest.mark.parametrize(
    ("core", "machine"), [("host", "host"), ("cortex-m4", "unicorn"), ("cortex-m4", "qemu")]
)
@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", 101), (b"\1\0\0", 101), (struct.pack("<i", 2) + b"\1\0\0\0", 102), (INPUT + b"\0", 103)],
)
def test_machines_exit_code_is_what_main_returns(squares, core, machine, data, code):
    require_machine(CORES[core], machine)
    assert code == run_image(squares(core, "gcc"), data, machine, 20).exit_code


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "rv32imc"])
def test_machines_unicorn_counts_instructions(squares, core):
    require_machine(CORES[core], "unicorn")

    def count(samples):
        data = struct.pack(f"<{samples + 1}i", samples, *[5] * samples)
        return run_image(squares(core, "gcc"), data, "unicorn", 20, count_instructions=True).instructions

    base = count(0)
    assert base > 10_000
    assert count(3) - count(2) == count(2) - count(1) > 50
    assert base == count(0)


def test_machines_count_instructions_of_both_lengths():
    assert count_thumb([0x4770, 0xF000, 0xF800, 0xE7FE]) == 3
    assert count_rvc([0x8082, 0x0013, 0x0000, 0x0001]) == 3
    assert (count_thumb([]), count_rvc([])) == (0, 0)


@pytest.mark.parametrize(
    ("core", "machine", "able"),
    [
        ("host", "qemu", "host"),
        ("host", "unicorn", "host"),
        ("cortex-m4", "host", "qemu, unicorn"),
        ("cortex-m55", "unicorn", "qemu"),
    ],
)
def test_machines_refuse_images_they_cannot_run(squares, core, machine, able):
    with pytest.raises(McuqError, match=r"error\[O013\]") as caught:
        run_image(squares(core, "gcc"), b"", machine, 20)
    assert f"core '{core}' runs on: {able}" == caught.value.problems[0].why


def test_machines_missing_qemu_is_refused(squares, monkeypatch, tmp_path):
    image = squares("cortex-m4", "gcc")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(McuqError, match=r"error\[T002\]: 'qemu-system-arm' is not installed"):
        run_image(image, b"", "qemu", 20)


@pytest.mark.parametrize(
    ("module", "package"), [("unicorn", "unicorn"), ("elftools.elf.elffile", "pyelftools")]
)
def test_machines_missing_package_is_refused(squares, monkeypatch, module, package):
    require("unicorn")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(McuqError, match=rf"error\[T002\]: the Python package '{package}'"):
        run_image(squares("cortex-m4", "gcc"), b"", "unicorn", 20)
