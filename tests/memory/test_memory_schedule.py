import itertools
import time

import pytest
from hypothesis import given, settings
from memory_programs import ApartStep, Builder, EitherStep, FirstStep, programs

from mcuq.memory import live_peak, schedule
from mcuq.memory.lifetimes import lifetimes
from mcuq.memory.schedule import choose_order


def is_sound(program, order):
    done = {program.storage(port.tensor) for port in program.inputs}
    for step in order:
        if not all(program.storage(t) in done for t in program.steps[step].inputs):
            return False
        done.add(program.storage(program.steps[step].output))
    return True


def naive_peak(program, scratch, order):
    """Bytes alive at every step, counted tensor by tensor from the definition."""
    outside = {program.storage(port.tensor) for port in (*program.inputs, *program.outputs)}
    reads = [{program.storage(t) for t in program.steps[step].inputs} for step in order]
    size = {s: -(-t.size_bytes // 4) * 4 for s, t in enumerate(program.tensors)}
    peak, born = 0, set()
    for position, index in enumerate(order):
        step = program.steps[index]
        later = set().union(*reads[position + 1 :])
        before = {s for s in born if s in later or s in reads[position]}
        need = sum(size[s] for s in before) + -(-scratch[index] // 4) * 4
        ports = [program.storage(t) for t in step.inputs]
        heirs = [
            s
            for s in set(ports) - outside - later
            if all(i in step.op.in_place_inputs for i, other in enumerate(ports) if other == s)
            and program.tensors[s].size_bytes == program.tensors[step.output].size_bytes
        ]
        if step.output not in outside:
            born.add(step.output)
            need += 0 if heirs else size[step.output]
        peak = max(peak, need)
    return peak


@settings(deadline=None)
@given(programs(max_steps=12))
def test_live_peak_is_what_a_naive_count_finds(case):
    program, scratch = case
    order = range(len(program.steps))
    assert live_peak(program, scratch, order) == naive_peak(program, scratch, order)


@settings(deadline=None)
@given(programs(max_steps=6))
def test_choose_order_is_the_best_of_all_orders(case):
    program, scratch = case
    orders = filter(lambda o: is_sound(program, o), itertools.permutations(range(len(program.steps))))
    best = min(naive_peak(program, scratch, order) for order in orders)
    order = choose_order(program, scratch)
    assert is_sound(program, order)
    assert naive_peak(program, scratch, order) == best


@settings(deadline=None)
@given(programs(max_steps=20))
def test_choose_order_is_sound_and_no_worse_than_given(case):
    program, scratch = case
    given_order = tuple(range(len(program.steps)))
    order = choose_order(program, scratch)
    assert is_sound(program, order)
    assert order == given_order or live_peak(program, scratch, order) < live_peak(
        program, scratch, given_order
    )


def branches(widths):
    """Branches of two steps each, a wide one and a narrow one, that meet in one step; all wide ones first."""
    b = Builder()
    x = b.input(4)
    wide = [b.step(width, x) for width in widths]
    return b.build(b.step(4, *[b.step(8, w) for w in wide]))


def test_choose_order_finishes_a_branch_before_it_starts_the_next():
    program = branches([400, 800, 400])
    assert live_peak(program, [0] * 7, range(7)) == 1608
    order = choose_order(program, [0] * 7)
    assert live_peak(program, [0] * 7, order) == 808
    assert order[:2] == (1, 4)


def test_choose_order_falls_back_to_the_beam(monkeypatch):
    monkeypatch.setattr(schedule, "EXACT_STATES", 3)
    program = branches([400, 800, 400])
    assert live_peak(program, [0] * 7, choose_order(program, [0] * 7)) == 808


def test_choose_order_keeps_a_given_order_that_is_as_good():
    b = Builder()
    x = b.step(100, b.input(4))
    left, right = b.step(40, x), b.step(40, x)
    program = b.build(b.step(4, right, left))
    assert choose_order(program, [0] * 4) == (0, 1, 2, 3)


@pytest.mark.parametrize("op", [ApartStep, FirstStep])
def test_choose_order_of_a_long_chain_is_fast(op):
    b = Builder()
    x = b.input(100)
    for size in range(1_000):
        x = b.step(100 + size % 7, x, op=op)
    program = b.build(b.step(4, x))
    start = time.perf_counter()
    assert choose_order(program, [0] * 1_001) == tuple(range(1_001))
    assert time.perf_counter() - start < 1


def test_choose_order_of_a_wide_graph_ends():
    program = branches([4 * (1 + i * 37 % 61) for i in range(60)])
    order = choose_order(program, [0] * 121)
    assert is_sound(program, order)
    assert live_peak(program, [0] * 121, order) < live_peak(program, [0] * 121, range(121)) / 5


def test_lifetimes_of_a_residual_block():
    b = Builder()
    i = b.input(8)
    x = b.step(8, i)
    y = b.step(8, x)
    flat = b.alias(x)
    out = b.step(8, flat, y, op=EitherStep)
    last = b.step(8, y)
    lives = lifetimes(b.build(out, last), (0, 1, 2, 3))
    spans = {s: (life.region.value, life.first, life.last) for s, life in lives.items()}
    assert spans == {
        i: ("input", 0, 0),
        x: ("arena", 0, 2),
        y: ("arena", 1, 3),
        out: ("output", 2, 3),
        last: ("output", 3, 3),
    }


def test_lifetimes_refuses_ports_that_share_memory():
    b = Builder()
    x = b.input(8)
    with pytest.raises(AssertionError, match="shares memory"):
        lifetimes(b.build(x), ())
    y = b.step(8, x)
    with pytest.raises(AssertionError, match="shares memory"):
        lifetimes(b.build(y, b.alias(y)), (0,))
