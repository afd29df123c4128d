"""`--on emulator` is the emulator that has the core."""

import pytest

from mcuq.errors import McuqError
from mcuq.ir.integer import Rounding
from mcuq.targets import list_targets, load_target
from mcuq.verify.machines import emulator
from tests.kernels.contract import check_contract, contract
from tests.tools import require_compiler, require_machine

CORE = load_target("cortex-m55").core


def one_step():
    return contract(Rounding.DOUBLE, CORE.name, ("portable",), 1, kinds=["copy"])


def test_core_that_unicorn_has_not_is_verified_on_qemu(tmp_path):
    require_compiler(CORE, "gcc")
    require_machine(CORE, "qemu")
    check_contract(tmp_path, one_step(), "emulator")


def test_core_that_unicorn_has_not_is_refused_without_qemu(tmp_path, monkeypatch):
    require_compiler(CORE, "gcc")
    monkeypatch.setattr("mcuq.verify.machines.qemu._PROGRAMS", {"arm": ("qemu-system-none", "a-package")})
    with pytest.raises(McuqError, match=r"error\[T002\]: 'qemu-system-none' is not installed") as caught:
        check_contract(tmp_path, one_step(), "emulator")
    # Nothing else runs this core.
    assert "emulator" not in str(caught.value)


def test_every_core_has_an_emulator():
    cores = {target.core.name: target.core for target in list_targets() if not target.core.is_host}
    assert {name: emulator(core) for name, core in cores.items()} == {
        name: "qemu" if name == "cortex-m55" else "unicorn" for name in cores
    }
