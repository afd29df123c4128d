"""The contract test notices every mutant of every portable kernel."""

import functools

import pytest

from mcuq.errors import McuqError
from mcuq.ir.integer import Rounding
from mcuq.resources import targets_dir
from tests.kernels.contract import check_contract, contract
from tests.kernels.mutants import MUTANTS, apply
from tests.tools import require

FOLDER = targets_dir() / "portable" / "kernels"
CASES = [(kernel, change) for kernel, (_, changes) in MUTANTS.items() for change in changes]
# It copies constants for other kernels, none of a step: tests/kernels/test_stalls.py runs it.
HELPERS = {"mcuq_stage"}
# Files that are one of two by the contract, under one name.
ROUNDINGS = {"mcuq_requantize_double": Rounding.DOUBLE, "mcuq_requantize_single": Rounding.SINGLE}
# A change may leave a name unused, which firmware is compiled without.
UNUSED = b"".join(
    b'#pragma GCC diagnostic ignored "-Wunused-%s"\n' % what
    for what in (b"variable", b"parameter", b"function")
)


def kernels():
    return {path.stem for path in FOLDER.glob("*.h")} - HELPERS


@pytest.mark.parametrize("kernel", sorted(kernels()))
def test_every_portable_kernel_has_mutants(kernel):
    changes = MUTANTS.get(kernel, ((), ()))[1]
    assert len(set(changes)) >= 2, f"'{kernel}' needs two mutants: add them to MUTANTS in tests/ops"


def test_every_mutant_is_of_a_portable_kernel():
    assert set(MUTANTS) == kernels()


@pytest.mark.parametrize(("kernel", "change"), CASES)
def test_mutant_is_a_change_of_the_kernel(kernel, change):
    source = (FOLDER / f"{kernel}.h").read_text("utf-8")
    assert source != apply(source, change)


@functools.lru_cache(maxsize=1)
def contract_of(kernel):
    """The same for every mutant of a kernel, and these follow each other."""
    rounding = ROUNDINGS.get(kernel, Rounding.DOUBLE)
    # Half as many examples are of int16.
    count = 60 if kernel.endswith("_s16") else 30
    return contract(rounding, "host", ("portable",), count, kinds=MUTANTS[kernel][0])


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "change"), CASES, ids=[f"{kernel}: {change}" for kernel, change in CASES])
def test_mutant_is_caught(tmp_path, kernel, change):
    require("cc")
    tested = contract_of(kernel)
    file = "mcuq_requantize.h" if kernel in ROUNDINGS else f"{kernel}.h"
    mutant = UNUSED + apply((FOLDER / f"{kernel}.h").read_text("utf-8"), change).encode()
    try:
        check_contract(tmp_path, tested, "host", opt="-O0", replace={f"src/{file}": mutant}, timeout_s=10.0)
    except AssertionError as error:
        assert "differing=" in str(error)
    except McuqError as error:
        # It crashed, or wrote outside its buffers.
        assert [problem.code for problem in error.problems] == ["V003"], error
    else:
        pytest.fail("nobody noticed")
