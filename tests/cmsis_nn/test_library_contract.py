"""Calls of CMSIS-NN compute, bit for bit, what their steps define, on each program that the library is."""

import pytest

from mcuq.ir.integer import Rounding
from mcuq.targets import load_target
from mcuq.verify.library import VARIABLE
from tests.cmsis_nn.library_contract import awkward, library_contract, library_variants
from tests.kernels.contract import check_contract
from tests.tools import require, require_compiler, require_machine, thorough

# A core for each program that the library is: plain C, DSP instructions, vectors.
CORES = {"cortex-m4": "emulator", "cortex-m55": "qemu"}


@pytest.fixture(autouse=True)
def _library(cmsis_nn, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(cmsis_nn))


@pytest.mark.parametrize("rounding", list(Rounding))
def test_calls_compute_their_steps_on_the_host(tmp_path, rounding):
    require("cc")
    more = awkward(rounding, 1)[:: 4 if rounding is Rounding.SINGLE else 2]
    tested = library_contract(rounding, "host", thorough(3), more=more)
    assert {each.kernel for each in library_variants("host")} == {k for k, n in tested.variants.items() if n}
    check_contract(tmp_path, tested, "host", sanitize=("address",), opt="-O0")


@pytest.mark.parametrize("core", sorted(CORES))
def test_calls_compute_their_steps_on_a_core(tmp_path, core):
    target = load_target(core).core
    require_compiler(target, "gcc")
    require_machine(target, "qemu" if CORES[core] == "qemu" else "unicorn")
    tested = library_contract(
        Rounding.DOUBLE, core, thorough(3), seed=2, more=awkward(Rounding.DOUBLE, 2)[::2]
    )
    check_contract(tmp_path, tested, CORES[core])
