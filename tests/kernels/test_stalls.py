"""What a flash with wait states costs, by the rule that kernels are chosen with."""

import dataclasses

import numpy as np
import pytest

from mcuq.flash_modes import Cache, FlashMode
from mcuq.ir.integer import Rounding
from mcuq.ir.plan import CArray, KernelCall, StagedArray
from mcuq.kernels.armv7em.conv import PairedConv
from mcuq.kernels.stalls import call_stalls, saved_cycles, stall_cycles
from mcuq.memory.staging import stage_constants
from mcuq.targets import load_target
from tests.kernels.contract import check_contract, contract
from tests.kernels.machines import where_it_runs
from tests.kernels.special import accepted
from tests.tools import require

MODE = FlashMode("slow", 5, 8, False, Cache(32, 32, 32), Cache(8, 32, 8))


def array(size, passes):
    return CArray("weights", np.zeros(size, np.int8), "zeros", passes)


def call(size, passes):
    return KernelCall("kernel", (), (array(size, passes),))


def test_constants_stall_each_time_or_once_and_for_a_copy():
    code = call_stalls(MODE, KernelCall("kernel", (), ()), 0, 0)
    assert code == 0
    assert call_stalls(MODE, call(800, 1), 0, 0) == 100 * 5
    # Copied: one pass, 60 cycles, and one for each byte.
    assert call_stalls(MODE, call(800, 50), 0, 0) == 100 * 5 + 60 + 800
    # The cache keeps them.
    assert call_stalls(MODE, call(256, 50), 0, 0) == 32 * 5
    assert 50 * 32 * 5 - saved_cycles(MODE, 256, 50) == call_stalls(
        dataclasses.replace(MODE, data_cache=None), call(256, 50), 0, 0
    )


def test_code_stalls_each_round_where_it_is_larger_than_the_cache():
    nothing = KernelCall("kernel", (), ())
    assert call_stalls(MODE, nothing, 1_024, 1) == call_stalls(MODE, nothing, 1_024, 1_000) == 64 * 5
    once, thrice = (call_stalls(MODE, nothing, 2_048, rounds) for rounds in (1, 3))
    assert thrice - once == 2 * 90 * 5
    ahead = dataclasses.replace(MODE, read_bytes=16, has_prefetch=True)
    assert call_stalls(ahead, nothing, 2_048, 100) < call_stalls(MODE, nothing, 2_048, 100) // 4


def test_a_flash_without_wait_states_costs_nothing():
    fast = dataclasses.replace(MODE, wait_states=0)
    assert call_stalls(fast, call(4_000, 9), 9_000, 9) == 0
    assert saved_cycles(fast, 4_000, 9) < 0
    assert stall_cycles(fast, 4_000, 9) == 0


@pytest.mark.parametrize("on", ["host", "emulator"])
def test_kernels_read_the_first_pieces_of_weights_that_wait(tmp_path, monkeypatch, on):
    """Every number of pieces, one step after the other."""
    monkeypatch.setattr("tests.kernels.contract.isa_variants", lambda isa: (PairedConv,))
    require("cc")
    core = load_target("cortex-m4").core
    more = accepted("mcuq_conv2d_s8_paired", 24)
    tested = contract(Rounding.DOUBLE, core.name, core.isa, 0, only_isa="armv7em", more=more)
    plan, staged, numbers = tested.plan, [], set()
    end = -(-plan.memory.arena_bytes // 8) * 8
    for step, each in enumerate(plan.calls):
        near = each.near
        pieces = 0 if near is None or near.pieces == 0 else 1 + step % near.pieces
        size = 0 if near is None else pieces * near.piece_bytes
        staged.append((StagedArray("weights", end, size, pieces),) if pieces else ())
        numbers.add((pieces, 0 if near is None else near.pieces))
    assert any(0 < pieces < known for pieces, known in numbers)
    assert any(0 < pieces == known for pieces, known in numbers)
    most = max(each.size_bytes for one in staged for each in one)
    memory = dataclasses.replace(plan.memory, staged=tuple(staged), arena_bytes=end + most)
    parts = dataclasses.replace(tested, plan=dataclasses.replace(plan, memory=memory))
    check_contract(tmp_path, parts, "host" if on == "host" else where_it_runs(core))


@pytest.mark.parametrize("on", ["host", "emulator"])
def test_kernels_read_waiting_constants(tmp_path, on):
    """All constants of all kernels wait: none is written, and none must lie where it was."""
    require("cc")
    core = load_target("cortex-m4").core
    tested = contract(Rounding.DOUBLE, core.name, core.isa, 3, seed=6)
    plan = tested.plan
    calls = tuple(
        dataclasses.replace(
            each, arrays=tuple(dataclasses.replace(one, passes=1_000_000) for one in each.arrays)
        )
        for each in plan.calls
    )
    most = max(sum(-(-one.values.nbytes // 8) * 8 for one in each.arrays) for each in calls)
    room = dataclasses.replace(plan.memory, arena_bytes=-(-plan.memory.arena_bytes // 8) * 8 + most)
    memory = stage_constants(plan.program, calls, room, dataclasses.replace(MODE, data_cache=None))
    assert [len(each) for each in memory.staged] == [len(each.arrays) for each in calls]
    staged = dataclasses.replace(tested, plan=dataclasses.replace(plan, calls=calls, memory=memory))
    check_contract(tmp_path, staged, "host" if on == "host" else where_it_runs(core))
