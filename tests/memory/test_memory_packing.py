import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.memory import packing
from mcuq.memory.overlap import Overlap
from mcuq.memory.packing import Block, height, lower_bound, pack

block = st.builds(
    lambda size, first, length, scratch: Block(4 * size, first, first + length, 8 if scratch else 4),
    st.integers(1, 12),
    st.integers(0, 6),
    st.integers(0, 3),
    st.booleans(),
)


def chain(sizes):
    return [Block(size, i, i + 1, 4) for i, size in enumerate(sizes)]


def assert_apart(blocks, offsets, overlaps=packing.NONE):
    """Blocks that live at once do not overlap, or one begins far enough before the other, at a multiple."""
    assert all(offset % b.alignment == 0 and offset >= 0 for b, offset in zip(blocks, offsets, strict=True))
    placed = [*enumerate(zip(blocks, offsets, strict=True))]
    for (i, (a, at_a)), (j, (b, at_b)) in itertools.permutations(placed, 2):
        if (j, i) not in overlaps and a.first <= b.last and b.first <= a.last:
            is_over = at_a + a.size > at_b and at_b + b.size > at_a
            allowed = overlaps.get((i, j), Overlap(1 << 30))
            assert not is_over or (at_b - at_a >= allowed.least and (at_b - at_a) % allowed.multiple == 0), (
                f"{i} at {at_a} over {j} at {at_b}"
            )


@settings(deadline=None)
@given(st.lists(block, max_size=9))
def test_pack_keeps_blocks_apart(blocks):
    offsets = pack(blocks)
    assert_apart(blocks, offsets)
    assert height(blocks, offsets) >= lower_bound(blocks)


@settings(deadline=None)
@given(st.lists(block, max_size=12))
def test_two_ended_keeps_blocks_apart(blocks):
    rivals = packing._rivals(blocks)
    assert_apart(blocks, packing._two_ended(blocks, rivals, range(len(blocks)), lower_bound(blocks)))


def optimum(blocks):
    """The lowest height of all: a first fit in the order of an optimal packing's offsets is as low."""
    rivals = packing._rivals(blocks)
    orders = itertools.permutations(range(len(blocks)))
    return min(height(blocks, packing._first_fit(blocks, rivals, order)) for order in orders)


@settings(deadline=None)
@given(st.lists(block, min_size=3, max_size=5))
def test_pack_of_few_blocks_is_optimal(blocks):
    assert height(blocks, pack(blocks)) == optimum(blocks)


def test_pack_improves_where_every_simple_placement_wastes(monkeypatch):
    spans = [(28, 4, 7), (8, 2, 5), (12, 3, 5), (4, 5, 7), (16, 3, 5), (32, 5, 7), (36, 3, 3), (16, 1, 1)]
    spans += [(20, 1, 3), (12, 1, 4)]
    blocks = [Block(size, first, last, 4) for size, first, last in spans]
    assert height(blocks, pack(blocks)) == lower_bound(blocks) == 104
    monkeypatch.setattr(packing, "MAX_TRIES", 0)
    assert height(blocks, pack(blocks)) == 108


@pytest.mark.parametrize("length", [10, 1_000])
def test_pack_of_a_chain_meets_the_bound(length):
    blocks = chain([4 * (1 + i * 7919 % 101) for i in range(length)])
    assert height(blocks, pack(blocks)) == lower_bound(blocks)


def test_lower_bound_counts_blocks_that_meet():
    assert lower_bound(chain([8, 4, 16, 12])) == 28
    assert lower_bound([]) == 0


@st.composite
def overlapping(draw):
    """Blocks in a row of time, some of which may overlap the one that ends where they begin."""
    blocks, overlaps = draw(st.lists(block, min_size=2, max_size=9)), {}
    for (i, a), (j, b) in itertools.permutations(enumerate(blocks), 2):
        if a.first == b.last and b.first < b.last and draw(st.booleans()):
            overlaps[i, j] = Overlap(draw(st.integers(-60, 60)), draw(st.sampled_from([1, 1, 8, 12, b.size])))
    return blocks, overlaps


@settings(deadline=None)
@given(overlapping())
def test_pack_keeps_blocks_as_far_over_each_other_as_allowed(case):
    blocks, overlaps = case
    offsets = pack(blocks, overlaps)
    assert_apart(blocks, offsets, overlaps)
    assert lower_bound(blocks, overlaps) <= height(blocks, offsets)
    assert lower_bound(blocks, overlaps) <= lower_bound(blocks)


def over_each_other(sizes, least, multiple=1):
    overlaps = {(i + 1, i): Overlap(least, multiple) for i in range(len(sizes) - 1)}
    return chain(sizes), overlaps


@pytest.mark.parametrize(
    ("sizes", "least", "multiple", "expected"),
    [
        ([80, 80], 0, 1, 80),
        ([80, 80], 12, 1, 92),
        ([80, 80], -12, 1, 80),
        ([80, 80], 12, 8, 96),
        ([80, 40], 12, 1, 92),
        ([40, 80], 40, 1, 80),
        ([80, 40], 100, 1, 120),
        ([40, 40], 12, 40, 80),
        ([40, 40], -40, 40, 40),
        ([40, 40, 40, 40], 4, 1, 52),
    ],
)
def test_pack_of_a_chain_over_each_other(sizes, least, multiple, expected):
    blocks, overlaps = over_each_other(sizes, least, multiple)
    assert height(blocks, pack(blocks, overlaps)) == expected
    assert lower_bound(blocks, overlaps) <= expected


def test_lower_bound_counts_what_lies_over_each_other_once():
    assert lower_bound(*over_each_other([80, 80], 12)) == 92
    assert lower_bound(*over_each_other([80, 8], 12)) == 88
    assert lower_bound(*over_each_other([8, 80], -12)) == 80
    blocks = [Block(size, first, last, 4) for size, first, last in ((40, 0, 1), (24, 0, 1), (80, 1, 2))]
    assert lower_bound(blocks, {(2, 0): Overlap(0), (2, 1): Overlap(0)}) == 80
    assert lower_bound(blocks, {(2, 0): Overlap(0)}) == 104
