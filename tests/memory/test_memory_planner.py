from hypothesis import given, settings
from memory_programs import Builder, EitherStep, FirstStep, programs

from mcuq.ir.plan import Place, Region
from mcuq.memory import check_memory, plan_memory


def planned(program, scratch=None, **options):
    scratch = scratch or [0] * len(program.steps)
    memory = plan_memory(program, scratch, **options)
    check_memory(program, scratch, memory, alignment=options.get("alignment", 4))
    return memory


@settings(deadline=None)
@given(programs())
def test_plan_of_random_programs_passes_the_check(case):
    planned(*case)


@settings(deadline=None)
@given(programs())
def test_plan_with_other_alignment_passes_the_check(case):
    planned(*case, alignment=16)


def test_plan_of_a_chain_holds_two_neighbours():
    b = Builder()
    t = b.input(10)
    for size in (100, 200, 300, 400, 50):
        t = b.step(size, t)
    assert planned(b.build(b.step(10, t))).arena_bytes == 700


def test_plan_of_one_step_needs_no_arena():
    b = Builder()
    memory = planned(b.build(b.step(10, b.input(10), op=FirstStep)))
    assert memory.arena_bytes == 0
    assert (Place(Region.INPUT, 0, 0), Place(Region.OUTPUT, 0, 0)) == memory.places


def test_plan_of_resnet8_holds_three_maps():
    b = Builder()
    x = b.step(16_384, b.input(3072))
    y = b.step(16_384, x)
    y = b.step(16_384, y)
    y = b.step(16_384, x, y, op=EitherStep)
    assert planned(b.build(b.step(10, y))).arena_bytes == 49_152


def test_plan_without_reuse_keeps_all_apart():
    b = Builder()
    t = b.input(10)
    for _ in range(5):
        t = b.step(100, t, op=FirstStep)
    program = b.build(b.step(10, t))
    memory = planned(program, [16] * 6, reuse=False)
    assert 5 * 100 + 6 * 16 <= memory.arena_bytes <= 5 * 100 + 6 * 20
