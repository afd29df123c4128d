"""Constants that wait in the arena: where there is room and it pays, and never over something else."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_programs import Builder, programs

from mcuq.errors import McuqError
from mcuq.flash_modes import Cache, FlashMode
from mcuq.ir.plan import CArray, KernelCall, NearPart, StagedArray
from mcuq.memory import check_memory, plan_memory
from mcuq.memory.staging import Growth, stage_constants

MODE = FlashMode("slow", 5, 8, False, None, Cache(2, 32, 2))


def array(field, size, passes):
    return CArray(field, np.zeros(size, np.int8), "zeros", passes)


def call(*arrays, scratch=0):
    return KernelCall("kernel", (), arrays, scratch_bytes=scratch)


def wide_then_narrow():
    """100 bytes, then three steps of 8 between which the arena has room."""
    b = Builder()
    t = b.step(100, b.step(100, b.input(8)))
    for _ in range(3):
        t = b.step(8, t)
    return b.build(b.step(8, t))


def staged(*arrays, at=4, mode=MODE):
    program = wide_then_narrow()
    calls = [call() for _ in program.steps]
    calls[at] = call(*arrays)
    memory = plan_memory(program, [0] * len(calls))
    found = stage_constants(program, calls, memory, mode)
    check_memory(program, [0] * len(calls), found)
    assert memory == dataclasses.replace(found, staged=())
    return found.staged_of(at)


@settings(deadline=None)
@given(programs(max_steps=12), st.lists(st.integers(1, 120), min_size=1, max_size=8))
def test_staging_of_random_programs_passes_the_check(case, sizes):
    program, scratch = case
    calls = [
        call(*(array(f"a{i}", size + step, 50) for i, size in enumerate(sizes)), scratch=scratch[step])
        for step in range(len(program.steps))
    ]
    memory = plan_memory(program, scratch)
    found = stage_constants(program, calls, memory, dataclasses.replace(MODE, data_cache=None))
    check_memory(program, scratch, found)
    assert found.arena_bytes == memory.arena_bytes


def test_staging_takes_what_is_read_often_and_leaves_what_is_read_once():
    often, once = staged(array("often", 80, 20), array("once", 80, 1)), staged(array("once", 80, 1))
    assert [each.field for each in often] == ["often"]
    assert once == ()


def test_staging_takes_nothing_where_the_arena_is_full():
    assert staged(array("weights", 80, 20), at=1) == ()


def test_staging_prefers_what_saves_most_for_its_bytes():
    found = staged(array("less", 120, 10), array("more", 120, 30))
    assert [each.field for each in found] == ["more"]


def parted(passes, size=400, piece=32):
    near = NearPart("weights", "near_weights", piece, (("near", tuple(range(size // piece + 1))),))
    return dataclasses.replace(call(array("weights", size, passes)), near=near)


def test_staging_takes_the_first_pieces_where_there_is_no_room_for_all():
    program = wide_then_narrow()
    calls = [call() for _ in program.steps]
    calls[4] = parted(200)
    memory = plan_memory(program, [0] * len(calls))
    (found,) = stage_constants(program, calls, memory, dataclasses.replace(MODE, wait_states=99)).staged_of(4)
    assert 0 < found.pieces < 12
    assert found.size_bytes == 32 * found.pieces
    assert found.pieces == (memory.arena_bytes - 8 - found.offset) // 32 or found.offset == 0
    # Two calls for each pass cost more than so few bytes save.
    assert stage_constants(program, calls, memory, MODE).staged == ()


@pytest.mark.parametrize(
    ("cycles", "most_bytes", "is_grown"),
    [(None, 10_000, True), (None, 210, False), (3_000, 10_000, True), (600_000, 10_000, False)],
)
def test_the_arena_grows_by_no_more_percent_than_cycles_fall(cycles, most_bytes, is_grown):
    program = wide_then_narrow()
    calls = [call() for _ in program.steps]
    calls[1] = call(array("weights", 96, 30))
    memory = plan_memory(program, [0] * len(calls))
    assert memory.arena_bytes == 200
    found = stage_constants(program, calls, memory, MODE, Growth(cycles, most_bytes))
    check_memory(program, [0] * len(calls), found)
    assert is_grown == (found.arena_bytes > 200) == any(found.staged)
    assert not is_grown or found.arena_bytes == 200 + 96


def test_staging_stops_where_the_cache_holds_the_rest():
    assert staged(array("a", 32, 20), array("b", 32, 20)) == ()
    assert [each.field for each in staged(array("a", 40, 20), array("b", 32, 21))] == ["b"]


@pytest.mark.parametrize(
    ("offset", "size", "message"),
    [
        (0, 8, "holds constants"),
        (8, 8, "constants that it reads in the arena are overwritten"),
        (16, 8, "its scratch overlaps its constants"),
        (24, 16, "weights at 24 leaves the arena"),
        (-8, 8, "weights at -8 leaves the arena"),
        (28, 4, "weights at 28 is not aligned"),
        (24, 0, "leaves the arena"),
    ],
)
def test_check_refuses_constants_over_something_else(offset, size, message):
    b = Builder()
    program = b.build(b.step(8, b.step(8, b.step(8, b.input(8)))))
    scratch = [0, 8, 0]
    memory = dataclasses.replace(plan_memory(program, scratch), arena_bytes=32)
    # The step reads 8 bytes at 0, writes 8 and has its scratch behind them, in some order.
    places = [memory.places[t].offset for t in (1, 2)] + [memory.scratch_offsets[1]]
    assert sorted(places) == [0, 8, 16]
    moved = {0: places[0], 8: places[1], 16: places[2]}.get(offset, offset)
    check_memory(program, scratch, _with(memory, StagedArray("weights", 24, 8)))
    with pytest.raises(McuqError, match=message):
        check_memory(program, scratch, _with(memory, StagedArray("weights", moved, size)))


def test_check_refuses_constants_over_each_other_and_lists_of_other_steps():
    b = Builder()
    program = b.build(b.step(8, b.step(8, b.input(8))))
    memory = dataclasses.replace(plan_memory(program, [0, 0]), arena_bytes=32)
    both = _with(memory, StagedArray("a", 16, 8), StagedArray("b", 16, 8), steps=2)
    with pytest.raises(McuqError, match="overwritten"):
        check_memory(program, [0, 0], both)
    with pytest.raises(McuqError, match="1 lists of staged constants"):
        check_memory(program, [0, 0], dataclasses.replace(memory, staged=((),)))


def _with(memory, *arrays, steps=3):
    return dataclasses.replace(memory, staged=tuple(arrays if step == 1 else () for step in range(steps)))
