"""Tools that some tests need: named skips on a laptop, failures in CI."""

import functools
import importlib.util
import os
import shutil

import pytest

_PACKAGES = {
    "capstone": "capstone",
    "distributed": "distributed",
    "pyelftools": "elftools",
    "unicorn": "unicorn",
    "z3-solver": "z3",
    "ziglang": "ziglang",
}
_MACHINES = {
    "host": [],
    "unicorn": ["unicorn", "pyelftools"],
    "qemu": ["pyelftools"],
}
_COMPILERS = {
    ("arm", "gcc"): "arm-none-eabi-gcc",
    ("riscv32", "gcc"): "riscv64-unknown-elf-gcc",
    ("host", "gcc"): "cc",
}
_QEMU = {"arm": "qemu-system-arm", "riscv32": "qemu-system-riscv32"}


def require(tool):
    """Go on only where this program or Python package is installed."""
    if not _is_there(tool):
        if os.environ.get("CI") == "true":
            pytest.fail(f"'{tool}' is missing, and CI has to run this test", pytrace=False)
        pytest.skip(f"'{tool}' is not installed")


def optional(tool):
    """Go on only where this program is installed, in CI as well: not every system has it."""
    if not _is_there(tool):
        pytest.skip(f"'{tool}' is not installed")


def require_compiler(core, kind):
    """Go on only where the compiler `kind` ("gcc" or "zig") for a core is installed."""
    require("ziglang" if kind == "zig" else _COMPILERS[core.arch, kind])


def require_machine(core, machine):
    """Go on only where images for a core can run on "host", "unicorn" or "qemu"."""
    for tool in _MACHINES[machine]:
        require(tool)
    if machine == "qemu":
        require(_QEMU[core.arch])


@functools.lru_cache
def _is_there(tool):
    if tool in _PACKAGES:
        return importlib.util.find_spec(_PACKAGES[tool]) is not None
    return shutil.which(tool) is not None


def thorough(count):
    """So many examples, times `MCUQ_THOROUGH`: `make contract` draws more than `make test` has time for."""
    return count * int(os.environ.get("MCUQ_THOROUGH", "1"))


def is_thorough():
    """Whether there is time for more than `make test` has."""
    return thorough(1) > 1
