"""Routines in assembly: ordinary functions, whole in one statement; loops fit a small instruction cache."""

import re

import pytest

from mcuq.kernels.registry import instruction_sets
from mcuq.resources import targets_dir
from mcuq.verify.toolchain import find_toolchain
from tests.kernels.machines import contract_core
from tests.kernels.measured_costs import function_bytes
from tests.tools import require, require_compiler

# By architecture: what a routine may be given or change for good, and what else it declares.
CHANGED = {
    "arm": ({"r0", "r1", "r2", "r3", "r12"}, ('"memory"', '"cc"')),
    "riscv32": ({*(f"a{i}" for i in range(8)), *(f"t{i}" for i in range(7))}, ('"memory"',)),
}
PORTABLE = targets_dir() / "portable" / "kernels"
# The plainest core that has an instruction set in assembly.
CORES = {isa: contract_core(isa) for isa in instruction_sets() if isa != "portable"}
HEADERS = sorted(path for isa in CORES for path in (targets_dir() / isa / "kernels").glob("*.h"))
# A statement and the function around it, for routines that move the stack pointer.
ROUTINE = re.compile(
    r"^MCUQ_KERNEL ([^\n;]*?)void (mcuq_\w+)\([^;{]*?\)\n\{(.*?)^\}", re.MULTILINE | re.DOTALL
)
# An instruction cache of 1 KiB, less a line that the routine may share with another at either end.
CACHE_BYTES = 1024 - 32


def _routines():
    for path in HEADERS:
        for found in ROUTINE.finditer(path.read_text("utf-8")):
            if "__asm__" in found[3]:
                yield pytest.param(path, *found.groups(), id=found[2])


ROUTINES = list(_routines())


def test_all_routines_are_found():
    statements = sum(path.read_text("utf-8").count("__asm__ volatile(") for path in HEADERS)
    assert statements == len(ROUTINES) >= 11


@pytest.mark.parametrize(("path", "attributes", "name", "body"), ROUTINES)
def test_compiler_may_put_code_around_a_routine(path, attributes, name, body):
    """Naked functions break when a flag makes the compiler add code to them; these are ordinary ones."""
    assert "naked" not in path.read_text("utf-8")
    assert "MCUQ_NOINLINE" in attributes
    assert body.count("__asm__") == 1
    changed, others = CHANGED[CORES[path.parent.parent.name].arch]
    assert all(each in body for each in others)
    declared = set(re.findall(r"MCUQ_REGISTER\([^,]*, ([rat]\d+),", body))
    operands = set(re.findall(r'"\+r"\(([rat]\d+)\)', body))
    clobbers = set(re.findall(r'"([rat]\d+)"', body))
    assert declared == operands
    assert operands | clobbers == changed


@pytest.mark.parametrize(("path", "attributes", "name", "body"), ROUTINES)
def test_routine_fits_an_instruction_cache_of_1_kib(tmp_path, path, attributes, name, body):
    core = CORES[path.parent.parent.name]
    require_compiler(core, "gcc")
    require("pyelftools")
    source = tmp_path / "one.c"
    source.write_text(f'#include "{path.name}"\nconst void *const kept = (const void *){name};\n')
    (tmp_path / "mcuq_requantize.h").write_bytes((PORTABLE / "mcuq_requantize_double.h").read_bytes())
    # The compiler for RISC-V comes without a C library.
    headers = [targets_dir() / "support" / "freestanding"] if core.arch == "riscv32" else []
    toolchain = find_toolchain(core, "gcc")
    (built,) = toolchain.compile(
        [source], workdir=tmp_path, include_dirs=[path.parent, PORTABLE, tmp_path, *headers]
    )
    assert 0 < function_bytes(built)[name] <= CACHE_BYTES
