"""No layer costs more with the kernel that a build chooses than with a portable one, on any core."""

import dataclasses

import pytest

from mcuq.kernels.core import core_kernels
from mcuq.targets import load_target
from tests.kernels.machines import emulated_cores, where_it_runs
from tests.project.source import ROOT
from tests.tools import require_compiler

# Seeds of networks whose layers were slower on M33 and M7 before the costs of kernels were measured there.
DRAWN = (0, 4, 18)


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def _program(seed, folder):
    from mcu.networks import build_drawn

    folder.mkdir()
    return build_drawn(seed, folder).plan.stored


@pytest.mark.parametrize("core", emulated_cores(), ids=lambda core: core.name)
def test_chosen_kernel_costs_no_more_than_a_portable_one(tmp_path, tools, core):
    require_compiler(core, "gcc")
    where_it_runs(core)
    from mcu.rivals import find_rivalries

    found = []
    for seed in DRAWN:
        folder = tmp_path / str(seed)
        found += find_rivalries("net", _program(seed, folder), core.name, folder)
    assert found, "every layer has one kernel alone"
    assert [each for each in found if each.is_slower] == []


def test_layer_whose_kernel_was_mistaken_for_the_cheapest_is_found(tmp_path, tools, monkeypatch):
    """On costs that call the plain convolution free, while all others are as measured."""
    core = load_target("cortex-m3").core
    require_compiler(core, "gcc")
    where_it_runs(core)
    from mcu.rivals import find_rivalries

    known = core_kernels(core)
    free = {**known.costs.coefficients, "mcuq_conv2d_s8": dict.fromkeys(("macs", "taps", "rows"), 0)}
    free["mcuq_conv2d_s8"] |= {"outputs": 0, "calls": 0}
    wrong = dataclasses.replace(known, costs=dataclasses.replace(known.costs, coefficients=free))
    monkeypatch.setattr("mcuq.pipeline.planning.core_kernels", lambda *_: wrong)
    found = list(find_rivalries("net", _program(7, tmp_path / "net"), core.name, tmp_path))
    slow = [each for each in found if each.is_slower]
    assert {(each.kernel, each.rival) for each in slow} == {("mcuq_conv2d_s8", "mcuq_conv2d_s8_4x2")}
    assert max(each.ratio for each in slow) > 2


def test_noise_between_builds_is_one_percent_and_fifty(tools):
    from mcu.rivals import Rivalry

    def rivalry(cost):
        return Rivalry("net", "conv", "", "mcuq_a", cost, "mcuq_b", 10_000)

    assert not rivalry(10_150).is_slower
    assert rivalry(10_151).is_slower
