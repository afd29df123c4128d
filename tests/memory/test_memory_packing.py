import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.memory import packing
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


def assert_disjoint(blocks, offsets):
    assert all(offset % b.alignment == 0 and offset >= 0 for b, offset in zip(blocks, offsets, strict=True))
    for (a, at_a), (b, at_b) in itertools.combinations(zip(blocks, offsets, strict=True), 2):
        together = a.first <= b.last and b.first <= a.last
        assert not together or at_a + a.size <= at_b or at_b + b.size <= at_a


@settings(deadline=None)
@given(st.lists(block, max_size=9))
def test_pack_keeps_blocks_apart(blocks):
    offsets = pack(blocks)
    assert_disjoint(blocks, offsets)
    assert height(blocks, offsets) >= lower_bound(blocks)


@settings(deadline=None)
@given(st.lists(block, max_size=12))
def test_two_ended_keeps_blocks_apart(blocks):
    rivals = packing._rivals(blocks)
    assert_disjoint(blocks, packing._two_ended(blocks, rivals, range(len(blocks)), lower_bound(blocks)))


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
    spans = [(12, 1, 2), (24, 1, 3), (8, 2, 4), (8, 3, 6), (8, 3, 5)]
    blocks = [Block(size, first, last, 4) for size, first, last in spans]
    assert height(blocks, pack(blocks)) == lower_bound(blocks) == 48
    monkeypatch.setattr(packing, "MAX_TRIES", 0)
    assert height(blocks, pack(blocks)) == 52


@pytest.mark.parametrize("length", [10, 1_000])
def test_pack_of_a_chain_meets_the_bound(length):
    blocks = chain([4 * (1 + i * 7919 % 101) for i in range(length)])
    assert height(blocks, pack(blocks)) == lower_bound(blocks)


def test_lower_bound_counts_blocks_that_meet():
    assert lower_bound(chain([8, 4, 16, 12])) == 28
    assert lower_bound([]) == 0
