import dataclasses
import itertools
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_programs import Builder, EitherStep, FirstStep, programs, random_program

from mcuq.errors import McuqError
from mcuq.ir.integer import Rounding, requant
from mcuq.ir.plan import KernelWalk, MemoryRegion, Place
from mcuq.memory import check_memory, live_peak, plan_memory
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.unary import ClipStep


def planned(program, scratch=None, **options):
    scratch = scratch or [0] * len(program.steps)
    memory = plan_memory(program, scratch, **options)
    kept = {name: options[name] for name in ("alignment", "walks") if name in options}
    check_memory(program, scratch, memory, **kept)
    return memory


def random_walks(program, draw_int):
    """Kernels that read rows before they write rows, with rows, lanes and what they look back at random."""
    walks = []
    for step in program.steps:
        found = []
        for position, tensor in enumerate(step.inputs):
            rows, read, written = (
                draw_int(1, 4),
                program.tensors[tensor].size_bytes,
                program.tensors[step.output].size_bytes,
            )
            done = np.arange(rows) * read // rows
            needed = np.maximum(done - draw_int(0, 2) * read // rows, 0)
            end = np.append(np.arange(1, rows) * written // rows, written)
            if draw_int(0, 2):
                found.append(KernelWalk(position, needed, end, draw_int(1, 3)))
        walks.append(tuple(found))
    return walks


@settings(deadline=None)
@given(programs(max_steps=20), st.sampled_from([4, 16]), st.booleans())
def test_plan_of_random_programs_passes_the_check(case, alignment, reuse):
    program, scratch = case
    memory = planned(program, scratch, alignment=alignment, reuse=reuse)
    assert memory.arena_bytes >= live_peak(program, scratch, memory.order, alignment=alignment)
    assert memory == plan_memory(program, scratch, alignment=alignment, reuse=reuse)


@settings(deadline=None)
@given(programs(max_steps=20), st.randoms(use_true_random=False))
def test_plan_of_random_programs_with_outputs_over_inputs_passes_the_check(case, rng):
    program, scratch = case
    walks = random_walks(program, rng.randint)
    memory = planned(program, scratch, walks=walks)
    assert live_peak(program, scratch, memory.order, walks=walks) <= memory.arena_bytes
    assert memory.arena_bytes <= plan_memory(program, scratch, walks=walks, reuse=False).arena_bytes


@settings(deadline=None)
@given(programs(max_steps=12), st.booleans(), st.randoms(use_true_random=False))
def test_plan_of_random_programs_with_inputs_in_the_arena_passes_the_check(case, reuse, rng):
    program, scratch = case
    program = dataclasses.replace(program, consumes_inputs=True)
    walks = random_walks(program, rng.randint)
    memory = planned(program, scratch, walks=walks, reuse=reuse)
    places = [memory.places[port.tensor] for port in program.inputs]
    assert {place.region for place in places} == {MemoryRegion.ARENA}
    assert memory.least_bytes <= memory.arena_bytes


def test_plan_takes_the_place_of_an_input_only_where_it_is_given_away():
    b = Builder()
    program = b.build(b.step(10, b.step(100, b.input(100), op=FirstStep)))
    assert planned(program).arena_bytes == 100
    consumed = dataclasses.replace(program, consumes_inputs=True)
    memory = planned(consumed)
    assert memory.arena_bytes == 100 and memory.places[0] == memory.places[1]
    with pytest.raises(McuqError, match="not in the arena"):
        check_memory(consumed, [0, 0], planned(program))


def test_plan_of_resnet8_with_rows_over_rows_holds_two_maps_and_a_row():
    b = Builder()
    x = b.step(16_384, b.input(3_072))
    y = b.step(16_384, b.step(16_384, x))
    program = b.build(b.step(10, b.step(16_384, x, y, op=EitherStep)))
    row = np.arange(32)
    rows = KernelWalk(0, np.maximum(row - 1, 0) * 512, (row + 1) * 512)
    memory = planned(program, walks=[(), (rows,), (rows,), (), ()])
    assert memory.arena_bytes == 2 * 16_384 + 512


def test_plan_of_seeded_programs_meets_the_bound():
    met = 0
    for seed in range(100):
        program, scratch = random_program(random.Random(seed).randint, max_steps=30)
        memory = planned(program, scratch)
        met += memory.arena_bytes == live_peak(program, scratch, memory.order)
    assert met >= 97


def test_plan_of_a_chain_holds_two_neighbours():
    b = Builder()
    t = b.input(10)
    for size in (100, 200, 300, 400, 50):
        t = b.step(size, t)
    assert planned(b.build(b.step(10, t))).arena_bytes == 700


def test_plan_of_a_chain_in_place_holds_one_tensor():
    b = Builder()
    t = b.step(100, b.input(100), op=FirstStep)
    for _ in range(5):
        t = b.step(100, b.alias(t), op=FirstStep)
    memory = planned(b.build(b.step(100, t, op=FirstStep)))
    assert memory.arena_bytes == 100
    assert memory.places[0] == Place(MemoryRegion.INPUT, 0, 0)


def test_plan_of_a_long_chain_is_fast():
    b = Builder()
    t = b.input(10)
    for i in range(1_000):
        t = b.step(4 * (1 + i * 7919 % 101), t)
    program = b.build(b.step(10, t))
    start = time.perf_counter()
    memory = plan_memory(program, [0] * 1_001)
    assert time.perf_counter() - start < 1
    assert memory.arena_bytes == live_peak(program, [0] * 1_001, range(1_001))


def test_plan_of_one_step_needs_no_arena():
    b = Builder()
    memory = planned(b.build(b.step(10, b.input(10), op=FirstStep)))
    assert memory.arena_bytes == 0
    assert memory.places == (Place(MemoryRegion.INPUT, 0, 0), Place(MemoryRegion.OUTPUT, 0, 0))


@pytest.mark.parametrize(("op", "expected"), [(FirstStep, 220), (EitherStep, 220)])
def test_plan_of_a_diamond_holds_its_root_and_both_sides(op, expected):
    b = Builder()
    x = b.step(100, b.input(4))
    left, right = b.step(60, x), b.step(60, x)
    assert planned(b.build(b.step(4, b.step(60, left, right, op=op)))).arena_bytes == expected


def add_step():
    one = requant((0.5,), Rounding.DOUBLE)
    return AddStep(0, 0, 0, one, one, one, is_subtraction=False, lo=-128, hi=127)


def test_plan_of_resnet8_holds_three_maps():
    b = Builder()
    x = b.step(16_384, b.input(3_072))
    y = b.step(16_384, b.step(16_384, x))
    y = b.step(16_384, x, y, op=lambda size: add_step())
    y = b.step(16_384, y, op=lambda size: ClipStep(0, 127))
    for size in (8_192, 4_096):
        left, right = b.step(size, b.step(size, y)), b.step(size, y)
        y = b.step(size, left, right, op=lambda size: add_step())
    assert planned(b.build(b.step(10, b.step(64, y)))).arena_bytes == 49_152


def test_plan_of_an_inverted_residual_holds_input_and_both_expansions():
    b = Builder()
    x = b.step(6_144, b.input(768))
    narrow = b.step(6_144, b.step(36_864, b.step(36_864, x)))
    y = b.step(6_144, x, narrow, op=EitherStep)
    program = b.build(b.step(10, y))
    assert planned(program).arena_bytes == 6_144 + 2 * 36_864
    # Scratch of the depthwise step adds to its peak, that of the expansion fits below it.
    assert planned(program, [0, 36_864, 512, 0, 0, 0]).arena_bytes == 6_144 + 2 * 36_864 + 512


def test_plan_reorders_where_it_saves_memory_only():
    b = Builder()
    x = b.input(4)
    wide = [b.step(400, x) for _ in range(3)]
    memory = planned(b.build(b.step(4, *[b.step(8, w) for w in wide])))
    assert memory.order == (0, 3, 1, 4, 2, 5, 6)
    assert memory.arena_bytes == 424


def test_plan_keeps_an_output_that_is_read_again():
    b = Builder()
    x = b.step(8, b.input(8))
    y = b.step(8, x, op=FirstStep)
    z = b.step(8, y, op=FirstStep)
    memory = planned(b.build(y, b.step(8, z, op=FirstStep)))
    assert memory.places[y] == Place(MemoryRegion.OUTPUT, 0, 0)
    assert memory.places[z].region is MemoryRegion.ARENA


def test_plan_gives_a_tensor_that_nothing_touches_no_place():
    b = Builder()
    x, unread, untouched = b.input(8), b.input(8), b.tensor(8)
    memory = planned(b.build(b.step(8, x)))
    assert memory.places[unread] == Place(MemoryRegion.INPUT, 1, 0)
    assert memory.places[untouched] is None


def test_plan_without_reuse_keeps_all_apart():
    b = Builder()
    t = b.input(10)
    for _ in range(5):
        t = b.step(100, t, op=FirstStep)
    memory = planned(b.build(b.step(10, t)), [16] * 6, reuse=False)
    assert memory.order == tuple(range(6))
    offsets = [p.offset for p in memory.places if p.region is MemoryRegion.ARENA]
    ends = sorted([(o, 104) for o in offsets] + [(o, 16) for o in memory.scratch_offsets])
    assert all(o + size <= after for (o, size), (after, _) in itertools.pairwise(ends))
    assert memory.arena_bytes == 5 * 104 + 6 * 16


def test_plan_does_not_depend_on_the_hash_seed():
    script = (
        "import random, memory_programs, mcuq.memory as m\n"
        "for s in range(20):\n"
        "    print(m.plan_memory(*memory_programs.random_program(random.Random(s).randint, max_steps=30)))"
    )
    here = Path(__file__).resolve().parent
    path = os.pathsep.join([str(here), str(here.parent.parent)])

    def output(seed):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        return subprocess.run([sys.executable, "-c", script], env=env, check=True, capture_output=True).stdout

    first = output("1")
    assert b"MemoryMap" in first
    assert output("2") == first
