"""Layers in strips: whatever is cut, however, every output has every bit, in the planned memory too."""

import dataclasses
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.errors import McuqError
from mcuq.ir.codec import DecodeError
from mcuq.ir.integer import Requant
from mcuq.ir.plan import MemoryRegion, Place, Plan
from mcuq.ir.program import Optimize
from mcuq.ir.store import check_program
from mcuq.memory.check import check_memory
from mcuq.memory.planner import plan_memory
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.pool import MeanStep
from mcuq.ops.window import Window
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.simulate import simulate_program, trace_plan, trace_program
from mcuq.strips.rewrite import Cut, cut_program
from mcuq.strips.schedule import find_block, may_repeat
from mcuq.verify.firmware import verify_firmware
from tests.builders import ProgramBuilder, portable_calls, quant, write_firmware
from tests.eliminate.test_random_programs import grow
from tests.ops import randoms


def inputs_of(program, samples, seed):
    rng = np.random.default_rng(seed)
    return [
        rng.integers(-128, 128, (samples, *program.tensors[port.tensor].shape)).astype(np.int8)
        for port in program.inputs
    ]


def random_cuts(rng, program):
    """Blocks that can be cut, of random length and with any number of rows at a time."""
    cuts, at = [], 0
    while at < len(program.steps):
        lasts = [last for last in range(at + 1, len(program.steps) + 1) if find_block(program, at, last)]
        if lasts and rng.random() < 0.8:
            last = rng.choice(lasts)
            block = find_block(program, at, last)
            again = frozenset(number for number in may_repeat(program, block) if rng.random() < 0.4)
            quanta = tuple(min(rng.randint(1, 3), row.rows) for row in block.steps.values())
            cuts.append(Cut(at, last, quanta, again))
        at = cuts[-1].last if cuts and cuts[-1].last > at else at + 1
    return cuts


def check_cut(program, cuts, seed=0):
    """Cut, and compare outputs with those of the program, computed in values and in memory."""
    cut = cut_program(program, cuts)
    inputs = inputs_of(program, 3, seed)
    expected = simulate_program(program, inputs)
    scratch = [(step.layer * 8) % 40 for step in cut.steps]
    memory = plan_memory(cut, scratch)
    check_memory(cut, scratch, memory)
    calls = [
        dataclasses.replace(call, scratch_bytes=size)
        for call, size in zip(portable_calls(cut), scratch, strict=True)
    ]
    plan = Plan(cut, "host", tuple(calls), memory)
    for (_, _, in_memory), (_, _, values) in zip(
        trace_plan(plan, inputs), trace_program(cut, inputs), strict=True
    ):
        assert all(map(np.array_equal, in_memory, values))
    found = simulate_program(cut, inputs)
    assert len(found) == len(expected) and all(map(np.array_equal, found, expected))
    return cut


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_random_programs_in_strips_give_the_same(seed):
    program = grow(seed)
    cuts = random_cuts(Random(seed), program)
    if cuts:
        check_cut(program, cuts, seed)


def chain(rows=12, stride=1, layers=3):
    """A convolution and depthwise layers of 3x3, then a layer that needs all rows."""
    rng, builder = Random(1), ProgramBuilder()
    x = builder.input((1, rows, 5, 2), quant())
    for number in range(layers):
        window = Window((3, 3), (stride, stride), (1, 1, 1, 1))
        if number % 2:
            op = DepthwiseStep(randoms.weighted(rng, (4, 3, 3, 1), builder.rounding), window)
        else:
            channels = builder.tensors[x].shape[3]
            op = ConvStep(randoms.weighted(rng, (4, 3, 3, channels), builder.rounding), window, 1)
        x = builder.step(op, x)
    shape = builder.tensors[x].shape
    whole = ConvStep(randoms.weighted(rng, (3, *shape[1:3], 4), builder.rounding), Window(shape[1:3]), 1)
    builder.output(builder.step(whole, x))
    return builder.program()


def test_each_row_is_computed_once_and_kept_while_it_is_needed():
    program = chain()
    cut = check_cut(program, [Cut(0, 3, (1, 1, 1))])
    macs = [sum(s.op.macs(p.tensors[s.output].shape) for s in p.steps) for p in (program, cut)]
    assert macs[0] >= macs[1] > macs[0] * 0.8  # padding that no strip reads is not multiplied
    rows = [
        cut.tensors[step.output].shape[1] for step in cut.steps if step.layer == 1 and step.op.kind != "copy"
    ]
    assert rows == [1] * 12
    buffers = {cut.storage(step.output) for step in cut.steps if step.layer in (0, 1)}
    assert [cut.tensors[storage].shape[1] for storage in sorted(buffers)] == [3, 3]


def test_mean_of_an_image_takes_rows_as_they_come():
    rng, builder = Random(2), ProgramBuilder()
    x = builder.input((1, 11, 4, 3), quant())
    window = Window((3, 3), pads=(1, 1, 1, 1))
    x = builder.step(ConvStep(randoms.weighted(rng, (5, 3, 3, 3), builder.rounding), window, 1), x)
    scale = Requant((2**30,), (-4,), builder.rounding)
    x = builder.step(MeanStep(Window((11, 4)), 3, -5, scale, -128, 127), x)
    whole = ConvStep(randoms.weighted(rng, (3, 1, 1, 5), builder.rounding), Window((1, 1)), 1)
    builder.output(builder.step(whole, x))
    program = builder.program()
    for rows in (1, 2, 11):
        cut = check_cut(program, [Cut(0, 2, (rows, rows))])
        assert cut.steps[-2].op.kind == "mean_of_sum"
        assert sum(step.op.kind == "sum_rows" for step in cut.steps) == 1
        held = {cut.storage(step.inputs[1]) for step in cut.steps if step.op.kind == "add_rows"}
        assert [cut.tensors[storage].shape[1] for storage in held] == ([rows] if rows < 11 else [])


def test_check_finds_rows_that_are_lost():
    cut = cut_program(chain(), [Cut(0, 3, (1, 1, 1))])
    scratch = [0] * len(cut.steps)
    memory = plan_memory(cut, scratch)
    one, other = (cut.storage(cut.steps[0].output), cut.storage(cut.steps[-1].inputs[0]))
    places = list(memory.places)
    for number, tensor in enumerate(cut.tensors):
        if tensor.storage == one:
            places[number] = Place(MemoryRegion.ARENA, 0, memory.places[other].offset + tensor.offset)
    with pytest.raises(McuqError, match="I001"):
        check_memory(cut, scratch, dataclasses.replace(memory, places=tuple(places)))


def test_check_finds_moves_that_are_missing():
    cut = cut_program(chain(), [Cut(0, 3, (1, 1, 1))])
    kept = tuple(step for step in cut.steps if step.op.kind != "copy")
    assert len(kept) < len(cut.steps)
    with_all = plan_memory(cut, [0] * len(cut.steps))
    memory = dataclasses.replace(with_all, order=tuple(range(len(kept))), scratch_offsets=(0,) * len(kept))
    with pytest.raises(McuqError, match="bytes are lost"):
        check_memory(dataclasses.replace(cut, steps=kept), [0] * len(kept), memory)


def test_strips_are_not_stored():
    cut = cut_program(chain(), [Cut(0, 3, (1, 1, 1))])
    with pytest.raises(DecodeError, match="strips are not stored"):
        check_program(cut)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
@pytest.mark.parametrize(("rows", "stride"), [(24, 1), (33, 2)])
def test_ram_makes_a_smaller_arena_with_the_same_outputs(tmp_path, target, rows, stride):
    program = chain(rows, stride, layers=5)
    balanced, ram = (
        plan_program(dataclasses.replace(program, optimize=each), target)
        for each in (Optimize.BALANCED, Optimize.RAM)
    )
    assert not balanced.program.has_strips
    # Outputs over inputs can be as good.
    assert ram.memory.arena_bytes < balanced.memory.arena_bytes or not ram.program.has_strips
    assert ram.program.has_strips or rows == 24
    inputs = inputs_of(program, 2, 0)
    (expected,), (found,) = (simulate_program(plan.program, inputs) for plan in (balanced, ram))
    assert np.array_equal(expected, found)
    host = plan_program(dataclasses.replace(program, optimize=Optimize.RAM), "host")
    report = verify_firmware(write_firmware(tmp_path, host), host, "net", inputs, on="host")
    assert report.is_identical
