"""The checker must complain about every map under which a run on real bytes goes wrong."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_programs import Builder, EitherStep, FirstStep, programs

from mcuq.errors import McuqError
from mcuq.ir.plan import KernelWalk, MemoryMap, MemoryRegion, Place
from mcuq.memory import check_memory, plan_memory


def complaint(program, scratch, memory, **options):
    with pytest.raises(McuqError) as caught:
        check_memory(program, scratch, memory, **options)
    assert [problem.code for problem in caught.value.problems] == ["I001"]
    assert all((problem := caught.value.problems[0], problem.where, problem.why, problem.fix))
    return str(caught.value)


def arena(*offsets):
    return tuple(Place(MemoryRegion.ARENA, 0, offset) for offset in offsets)


INPUT, OUTPUT = Place(MemoryRegion.INPUT, 0, 0), Place(MemoryRegion.OUTPUT, 0, 0)


def residual():
    """i -> x; x -> y; (x, y) -> z, in place of x or y; z -> out. Tensors 0 to 4 of 8 bytes each."""
    b = Builder()
    x = b.step(8, b.input(8))
    y = b.step(8, x)
    return b.build(b.step(8, b.step(8, x, y, op=EitherStep)))


SCRATCH = [0, 8, 0, 0]
GOOD = MemoryMap((0, 1, 2, 3), (INPUT, *arena(0, 8, 0), OUTPUT), (0, 16, 0, 0), 24)


def placed(tensor, place, memory=GOOD):
    places = list(memory.places)
    places[tensor] = place
    return dataclasses.replace(memory, places=tuple(places))


def test_check_accepts_a_sound_map():
    check_memory(residual(), SCRATCH, GOOD)
    check_memory(residual(), SCRATCH, placed(3, Place(MemoryRegion.ARENA, 0, 8)))
    check_memory(residual(), SCRATCH, placed(3, Place(MemoryRegion.ARENA, 0, 16)))


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (placed(2, Place(MemoryRegion.ARENA, 0, 4)), "overlaps input 0, tensor #1 't1'"),
        (placed(2, Place(MemoryRegion.ARENA, 0, 12)), "its scratch overlaps its output"),
        (placed(2, Place(MemoryRegion.ARENA, 0, 10)), "offset 10 is not a multiple of 4"),
        (placed(2, Place(MemoryRegion.ARENA, 0, 20)), "8 bytes at .* leave the arena of 24 bytes"),
        (placed(2, Place(MemoryRegion.ARENA, 0, -4)), "leave the arena"),
        (placed(2, Place(MemoryRegion.ARENA, 1, 8)), "leave the arena"),
        (placed(3, Place(MemoryRegion.ARENA, 0, 4)), "overlaps input 0"),
        (placed(3, Place(MemoryRegion.ARENA, 0, 12)), "overlaps input 1"),
        (placed(2, None), "tensor #2 't2' has no place"),
        (placed(2, INPUT), "it lies in a buffer of another tensor"),
        (placed(2, OUTPUT), "it lies in a buffer of another tensor"),
        (placed(4, Place(MemoryRegion.OUTPUT, 1, 0)), "it lies in a buffer of another tensor"),
        (placed(4, Place(MemoryRegion.OUTPUT, 0, 4)), "it starts at byte 4"),
        (placed(4, Place(MemoryRegion.ARENA, 0, 16)), "port 'p4'.*expected .*OUTPUT"),
        (placed(4, None), "port 'p4'"),
        (placed(0, Place(MemoryRegion.ARENA, 0, 16)), "port 'p0'.*expected .*INPUT"),
        (dataclasses.replace(GOOD, arena_bytes=20), "scratch at 16 leave the arena of 20 bytes"),
        (dataclasses.replace(GOOD, arena_bytes=12), "leave the arena of 12 bytes"),
        (dataclasses.replace(GOOD, arena_bytes=-1), "its size is -1 bytes"),
        (dataclasses.replace(GOOD, order=(0, 2, 1, 3)), "byte 0 of tensor #2 't2' holds nothing"),
        (dataclasses.replace(GOOD, order=(0, 1, 3, 2)), "tensor #3 't3' holds tensor #1 't1'"),
        (dataclasses.replace(GOOD, order=(0, 1, 2)), "not a permutation of 4 steps"),
        (dataclasses.replace(GOOD, order=(0, 1, 2, 2)), "not a permutation of 4 steps"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, 0, 0, 0)), "tensor #1 't1' holds scratch"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, 8, 0, 0)), "its scratch overlaps its output"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, 20, 0, 0), arena_bytes=28), "not a multiple of 8"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, 24, 0, 0)), "scratch at 24 leave the arena"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, -8, 0, 0)), "scratch at -8 leave the arena"),
        (dataclasses.replace(GOOD, scratch_offsets=(0, 16, 0)), "3 scratch offsets, expected 4"),
        (dataclasses.replace(GOOD, places=GOOD.places[:-1]), "4 places, expected 5"),
    ],
)
def test_check_refuses(memory, message):
    with pytest.raises(McuqError, match=r"(?s)^error\[I001\].*" + message):
        check_memory(residual(), SCRATCH, memory)


def test_check_refuses_a_larger_alignment_than_planned():
    assert "offset 8 is not a multiple of 16" in complaint(residual(), SCRATCH, GOOD, alignment=16)
    wide = MemoryMap((0, 1, 2, 3), (INPUT, *arena(0, 16, 0), OUTPUT), (0, 24, 0, 0), 32)
    assert "scratch offset 24 is not a multiple of 16" in complaint(residual(), SCRATCH, wide, alignment=16)


def test_check_refuses_scratch_on_a_tensor_that_is_read_later():
    memory = dataclasses.replace(
        GOOD, scratch_offsets=(0, 16, 0, 0), places=(INPUT, *arena(0, 8, 16), OUTPUT)
    )
    check_memory(residual(), [0, 8, 0, 0], memory)
    assert "tensor #3 't3' holds scratch" in complaint(
        residual(), [0, 8, 0, 8], dataclasses.replace(memory, scratch_offsets=(0, 16, 0, 16))
    )


def test_check_refuses_an_operator_made_in_place():
    b = Builder()
    program = b.build(b.step(8, b.step(8, b.step(8, b.input(8)))))
    memory = MemoryMap((0, 1, 2), (INPUT, *arena(0, 0), OUTPUT), (0, 0, 0), 8)
    assert "overlaps input 0" in complaint(program, [0, 0, 0], memory)


def test_check_refuses_in_place_of_the_wrong_input_and_of_other_sizes():
    b = Builder()
    x, y = b.step(8, i := b.input(8)), b.step(8, i)
    program = b.build(b.step(8, b.step(8, x, y, op=FirstStep)))
    memory = MemoryMap((0, 1, 2, 3), (INPUT, *arena(0, 8, 0), OUTPUT), (0,) * 4, 16)
    check_memory(program, [0] * 4, memory)
    assert "overlaps input 1" in complaint(
        program, [0] * 4, placed(3, Place(MemoryRegion.ARENA, 0, 8), memory)
    )
    b = Builder()
    program = b.build(b.step(8, b.step(4, b.step(8, b.input(8)), op=FirstStep)))
    memory = MemoryMap((0, 1, 2), (INPUT, *arena(0, 0), OUTPUT), (0,) * 3, 8)
    assert "overlaps input 0" in complaint(program, [0] * 3, memory)


def test_check_refuses_in_place_while_another_input_shares_the_storage():
    b = Builder()
    x = b.step(8, b.input(8))
    program = b.build(b.step(8, b.step(8, x, b.alias(x), op=FirstStep)))
    memory = MemoryMap((0, 1, 2), (INPUT, *arena(0, 0, 0), OUTPUT), (0,) * 3, 8)
    assert "overlaps input 1" in complaint(program, [0] * 3, memory)
    assert plan_memory(program, [0] * 3).arena_bytes == 16


def test_check_refuses_an_alias_elsewhere():
    b = Builder()
    x = b.step(8, b.input(8))
    program = b.build(b.step(8, b.alias(x)))
    memory = MemoryMap((0, 1), (INPUT, *arena(0, 8), OUTPUT), (0, 0), 16)
    assert "its storage #1 at" in complaint(program, [0, 0], memory)


def test_check_refuses_unsound_storages():
    b = Builder()
    x = b.step(8, b.input(8))
    program = b.build(b.step(8, b.alias(b.alias(x))))
    memory = MemoryMap((0, 1), (INPUT, *arena(0, 0, 0), OUTPUT), (0, 0), 8)
    check_memory(program, [0, 0], memory)

    def changed(tensor, **fields):
        tensors = list(program.tensors)
        tensors[tensor] = dataclasses.replace(tensors[tensor], **fields)
        return dataclasses.replace(program, tensors=tuple(tensors))

    assert "its storage #2 is not a storage" in complaint(changed(3, storage=2), [0, 0], memory)
    assert "it has 12 bytes, its storage 8" in complaint(changed(2, shape=(1, 12)), [0, 0], memory)


def test_check_refuses_a_step_that_writes_an_input_or_writes_again():
    b = Builder()
    i = b.input(8)
    x = b.step(8, i)
    program = b.build(b.step(8, x))
    to_input = dataclasses.replace(program.steps[0], inputs=(x,), outputs=(i,))
    bad = dataclasses.replace(program, steps=(*program.steps, to_input))
    memory = MemoryMap((0, 1, 2), (INPUT, *arena(0), OUTPUT), (0,) * 3, 8)
    assert "writes the input tensor #0 't0'" in complaint(bad, [0] * 3, memory)
    again = dataclasses.replace(program, steps=(*program.steps, program.steps[0]))
    assert "written by several steps" in complaint(again, [0] * 3, memory)


def test_check_refuses_an_output_that_nobody_writes():
    b = Builder()
    b.step(8, b.input(8))
    program = b.build(b.tensor(8))
    memory = MemoryMap((0,), (INPUT, *arena(0), OUTPUT), (0,), 8)
    assert "output 'p2' at the end" in complaint(program, [0], memory)


def run_on_bytes(program, scratch, memory):
    """Run with real buffers, as unfriendly as the contract allows; every tensor's value when it was written.

    A step first ruins its scratch. An output byte depends on the byte of equal index of the inputs it may
    replace and on every byte of the others, is written at once, and is scratch-coloured in between.
    """
    rng = np.random.default_rng(0)
    buffers = {MemoryRegion.ARENA: [rng.integers(0, 256, memory.arena_bytes, np.uint8)]}
    for region, ports in ((MemoryRegion.INPUT, program.inputs), (MemoryRegion.OUTPUT, program.outputs)):
        sizes = [program.tensors[port.tensor].size_bytes for port in ports]
        buffers[region] = [np.arange(size, dtype=np.uint8) * 3 + 1 for size in sizes]

    def view(tensor):
        place = memory.places[tensor]
        size = program.tensors[tensor].size_bytes
        return buffers[place.region][place.index][place.offset : place.offset + size]

    for index in memory.order:
        step, offset = program.steps[index], memory.scratch_offsets[index]
        work = buffers[MemoryRegion.ARENA][0][offset : offset + scratch[index]]
        work[:] = rng.integers(0, 256, scratch[index], np.uint8)
        inputs, output = [view(tensor) for tensor in step.inputs], view(step.output)
        for at in range(len(output)):
            total = 17 * index + at
            for position, x in enumerate(inputs):
                local = position in step.op.in_place_inputs and len(x) == len(output)
                total += (2 * position + 3) * (
                    int(x[at]) if local else int(np.dot(x, np.arange(1, len(x) + 1)))
                )
            output[at] = total % 251
        work[:] = rng.integers(0, 256, scratch[index], np.uint8)
    return [view(port.tensor).tolist() for port in program.outputs]


def corrupt(memory, tensors, draw_int):
    """A map with one or two fields changed at random, tensors of one storage together."""
    places, scratch, order = list(memory.places), list(memory.scratch_offsets), list(memory.order)
    kind = draw_int(0, 3)
    if kind == 0:
        scratch[draw_int(0, len(scratch) - 1)] = 8 * draw_int(0, memory.arena_bytes // 8)
    if kind == 1:
        a, b = draw_int(0, len(order) - 1), draw_int(0, len(order) - 1)
        order[a], order[b] = order[b], order[a]
    moved = [s for s, place in enumerate(places) if place and place.region is MemoryRegion.ARENA]
    if kind >= 2 and moved:
        storage = tensors[moved[draw_int(0, len(moved) - 1)]].storage
        place = Place(MemoryRegion.ARENA, 0, 4 * draw_int(0, memory.arena_bytes // 4))
        places = [place if t.storage == storage else p for t, p in zip(tensors, places, strict=True)]
    return MemoryMap(tuple(order), tuple(places), tuple(scratch), memory.arena_bytes)


@settings(deadline=None, max_examples=300)
@given(programs(max_steps=8, sizes=(4, 8, 12)), st.data())
def test_check_refuses_every_map_that_changes_a_result(case, data):
    program, scratch = case
    apart = plan_memory(program, scratch, reuse=False)
    expected = run_on_bytes(program, scratch, apart)
    planned = plan_memory(program, scratch)
    assert run_on_bytes(program, scratch, planned) == expected
    bad = corrupt(planned, program.tensors, lambda lo, hi: data.draw(st.integers(lo, hi)))
    try:
        check_memory(program, scratch, bad)
    except McuqError:
        return
    assert run_on_bytes(program, scratch, bad) == expected


def walk(needed, written, lane=1, position=0):
    return KernelWalk(position, np.array(needed, np.int64), np.array(written, np.int64), lane)


def over(distance, read=8, written=8):
    """i -> x -> y -> out, where y begins a distance in bytes before x."""
    b = Builder()
    program = b.build(b.step(8, b.step(written, b.step(read, b.input(8)))))
    offsets = (max(distance, 0), max(-distance, 0))
    size = max(offsets[0] + read, offsets[1] + written)
    return program, MemoryMap((0, 1, 2), (INPUT, *arena(*offsets), OUTPUT), (0,) * 3, size)


ROWS = walk([0, 0, 4], [4, 8, 12])  # row r reads rows r - 1 and r of 4 bytes


@pytest.mark.parametrize(
    ("known", "sizes", "sound", "broken"),
    [
        (walk([0], [8]), (8, 8), (0, 4, -4, 8), ()),
        (ROWS, (12, 12), (4, 8, 12, -12), (0, -4, -8)),
        (walk([0, 4], [8, 16]), (8, 16), (4, 8), (0, -4)),
        (walk([0, 8], [4, 8]), (16, 8), (0, 4, 8, -4, -16), (-8, -12)),
        (walk([0, 16], [4, 8]), (16, 8), (0, -4, -8, -12), ()),
        (walk([0, 0], [4, 8], lane=8), (16, 8), (8,), (0, 4, -4)),
        (walk([0], [8], lane=8), (16, 8), (0, 8, -8), (4, -4)),
    ],
)
def test_check_follows_the_order_in_which_a_kernel_reads_and_writes(known, sizes, sound, broken):
    for distance in sound:
        program, memory = over(distance, *sizes)
        check_memory(program, [0] * 3, memory, walks=[(), (known,), ()])
    for distance in broken:
        program, memory = over(distance, *sizes)
        with pytest.raises(McuqError, match="overlaps input 0, tensor #1"):
            check_memory(program, [0] * 3, memory, walks=[(), (known,), ()])


def test_check_refuses_an_overlap_that_no_walk_speaks_of():
    program, memory = over(4, 12, 12)
    check_memory(program, [0] * 3, memory, walks=[(), (ROWS,), ()])
    for walks in ((), [(ROWS,), (), ()], [(), (dataclasses.replace(ROWS, input=1),), ()]):
        with pytest.raises(McuqError, match="overlaps input 0"):
            check_memory(program, [0] * 3, memory, walks=walks)


def test_check_refuses_an_overlap_with_what_is_read_later():
    b = Builder()
    x = b.step(8, b.input(8))
    program = b.build(b.step(8, x, b.step(8, x)))
    memory = MemoryMap((0, 1, 2), (INPUT, *arena(4, 0), OUTPUT), (0,) * 3, 12)
    with pytest.raises(McuqError, match="byte 0 of tensor #1 't1' holds tensor #2"):
        check_memory(program, [0] * 3, memory, walks=[(), (walk([0], [8]),), ()])
