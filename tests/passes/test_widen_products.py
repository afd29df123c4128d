"""Weights of attention and the scores in front of them are int16 where nothing else reads them."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize
from mcuq.passes.widen_products import narrow_products, widen_products

SHAPE = (1, 2, 5, 5)


def wide_kinds(net, *outputs, folder):
    """The operators of a canonical graph that give int16, in order."""
    graph = canonicalize(read(save(net.model(*outputs), folder)).graph)
    assert widen_products(graph) is graph
    narrow = narrow_products(graph)
    assert not [node for node in narrow.nodes if getattr(node.op, "is_wide", False)]
    assert widen_products(narrow).nodes == graph.nodes
    return [node.op.kind for node in graph.nodes if getattr(node.op, "is_wide", False)]


def scores_of(net):
    return net.add("MatMul", "q", net.add("Transpose", "k", perm=[0, 1, 3, 2]))


def net_of_three():
    return Net(17, q=SHAPE, k=SHAPE, v=SHAPE)


def test_attention_has_wide_scores_and_weights(tmp_path):
    net = net_of_three()
    y = net.add("MatMul", net.add("Softmax", scores_of(net), axis=-1), "v")
    assert wide_kinds(net, y, folder=tmp_path) == ["matmul", "softmax"]


def test_views_between_change_nothing(tmp_path):
    net = net_of_three()
    flat = net.add("Reshape", scores_of(net), net.const(np.array([10, 5], np.int64)))
    weights = net.add("Reshape", net.add("Softmax", flat, axis=-1), net.const(np.array(SHAPE, np.int64)))
    assert wide_kinds(net, net.add("MatMul", weights, "v"), folder=tmp_path) == ["matmul", "softmax"]


def test_scores_behind_which_a_mask_is_added_stay_int8(tmp_path):
    net = net_of_three()
    masked = net.add("Add", scores_of(net), net.random(5, 5))
    y = net.add("MatMul", net.add("Softmax", masked, axis=-1), "v")
    assert wide_kinds(net, y, folder=tmp_path) == ["softmax"]


@pytest.mark.parametrize("reader", ["output", "second factor", "both factors", "other operator"])
def test_weights_that_anything_else_reads_stay_int8(reader, tmp_path):
    net = net_of_three()
    weights = net.add("Softmax", scores_of(net), axis=-1)
    outputs = {
        "output": lambda: [weights, net.add("MatMul", weights, "v")],
        "second factor": lambda: [net.add("MatMul", "v", weights)],
        "both factors": lambda: [net.add("MatMul", weights, weights)],
        "other operator": lambda: [net.add("MatMul", weights, "v"), net.add("Add", weights, "v")],
    }
    assert wide_kinds(net, *outputs[reader](), folder=tmp_path) == []


def test_scores_that_are_an_output_stay_int8(tmp_path):
    net = net_of_three()
    scores = scores_of(net)
    y = net.add("MatMul", net.add("Softmax", scores, axis=-1), "v")
    assert wide_kinds(net, scores, y, folder=tmp_path) == ["softmax"]


def test_products_of_wide_weights_are_no_wide_scores(tmp_path):
    """A product has int16 once."""
    net = net_of_three()
    first = net.add("MatMul", net.add("Softmax", scores_of(net), axis=-1), "v")
    y = net.add("MatMul", net.add("Softmax", first, axis=-1), "k")
    found = wide_kinds(net, y, folder=tmp_path)
    assert found.count("softmax") == 1 and found.count("matmul") == 1


def test_softmax_of_a_classifier_stays_int8(tmp_path):
    net = Net(17, x=(1, 8))
    y = net.add("Softmax", net.add("MatMul", "x", net.random(8, 4)), axis=-1)
    assert wide_kinds(net, y, folder=tmp_path) == []
