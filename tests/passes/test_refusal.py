from mcuq.passes.canonicalize import canonicalize
from mcuq.passes.refusal import PassRefusal, collect_refusals, refuse

from .float_graphs import FloatGraph


def test_refusals_are_collected_once_and_in_order():
    refuse("a_pass", "nobody", "listens")
    with collect_refusals() as refusals:
        for why in ("first", "second", "first"):
            refuse("a_pass", "node", why)
    refuse("a_pass", "node", "too late")
    assert list(refusals) == [PassRefusal("a_pass", "node", "first"), PassRefusal("a_pass", "node", "second")]


def test_refusals_reach_every_collector_around():
    with collect_refusals() as outer, collect_refusals() as inner:
        refuse("a_pass", "node", "why")
    assert list(outer) == list(inner) == [PassRefusal("a_pass", "node", "why")]


def test_canonicalize_says_why_a_step_is_left():
    g = FloatGraph(x=(1, 4))
    with collect_refusals() as refusals:
        canonicalize(g.build(g.clip("x", "y")))
    expected = PassRefusal("fuse_clip", "make y", "its input comes from an input, which carries no clamp")
    assert expected in refusals
