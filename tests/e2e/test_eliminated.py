"""A real network half of whose channels are dead: half the work, the same bits."""

import dataclasses

import numpy as np
import pytest

from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.simulator.simulate import simulate_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.builders import write_firmware
from tests.e2e.models import build_case
from tests.tools import require


@pytest.fixture(scope="module")
def vww(tmp_path_factory):
    return build_case("vww", tmp_path_factory.mktemp("models"))


def _sizes(program):
    macs = sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps)
    return macs, sum(step.op.weight_bytes() for step in program.steps)


def test_half_of_the_work_goes(vww):
    plan = vww.result.plan
    macs, weights = _sizes(plan.stored)
    assert (macs, weights) == (7_491_968, 208_112)
    found = _sizes(plan.program)
    assert found[0] < 4_000_000
    assert found[1] < 36_000
    assert sum(each.macs for each in plan.dropped) == macs - found[0]
    assert sum(each.weight_bytes for each in plan.dropped) == weights - found[1]


def test_no_output_bit_changes(vww):
    """Real images, random codes and extremes."""
    plan = vww.result.plan
    inputs = standard_inputs(plan.program, [x[:100] for x in vww.codes], 16)
    pairs = zip(simulate_program(plan.stored, inputs), simulate_program(plan.program, inputs), strict=True)
    for whole, smaller in pairs:
        assert np.array_equal(whole, smaller)
        assert len(np.unique(whole)) > 10


@pytest.mark.parametrize("keeps", [False, True])
def test_firmware_is_bit_exact_with_and_without(vww, tmp_path, keeps):
    require("cc")
    stored = load_program(vww.result.directory / "vww.mcuq.npz")
    plan = plan_program(dataclasses.replace(stored, keeps_channels=keeps), "host")
    assert bool(plan.dropped) != keeps
    write_firmware(tmp_path, plan)
    inputs = standard_inputs(plan.program, [x[:3] for x in vww.codes], 1)
    assert verify_firmware(tmp_path, plan, "net", inputs, "host").first_difference is None
