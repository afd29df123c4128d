"""Small networks of well-known kinds: what they cost, and the same integers in C."""

import pytest
from passes.float_graphs import FloatGraph, check_pass, unchanged
from small_models import Net, kinds, save

from mcuq.api import build
from mcuq.frontend import read
from mcuq.ops.pad import Pad
from mcuq.passes.canonicalize import canonicalize
from mcuq.passes.fuse_pad import fuse_pad
from mcuq.passes.permute_filters import permute_filters
from tests.shared_data import MODELS, shared_file

from .checked import check_built
from .networks import INPUTS, NETWORKS, make, mixer

# Outputs of Split, which networks name themselves.
NAMED = ("a", "b", "xy", "wh", "score")


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.__name__)
def test_network_costs(network, tmp_path):
    steps = check_built(make(network), tmp_path, -1.0, 1.0, 10.0).steps()
    assert NETWORKS[network] == (len(steps), steps.count("transpose"))


def test_networks_as_firmware(tmp_path):
    """All of them in one model; the mixer needs a newer opset than the others."""
    inputs = {name: shape for each in INPUTS.values() for name, shape in each.items()}
    net = Net(13, x=(1, 3, 16, 16), **inputs)
    outputs = []
    for network in NETWORKS:
        if network is not mixer:
            before = len(net.nodes)
            outputs.append(network(net))
            for node in net.nodes[before:]:  # tensors with names of their own
                for names in (node.input, node.output):
                    names[:] = [f"{network.__name__}/{name}" if name in NAMED else name for name in names]
    for model in (net.model(*outputs), make(mixer)):
        result = build(save(model, tmp_path), "host", output=tmp_path / "out", verify="host")
        assert result.report.first_difference is None


@pytest.mark.parametrize("name", MODELS)
def test_published_networks_need_no_transpose(name):
    graph = canonicalize(read(shared_file(name)).graph)
    assert "transpose" not in kinds(graph)


def pixel_shuffle(**attrs):
    g = FloatGraph(x=(1, 4, 5, 3))
    y = g.clip(g.conv("x", 12, "y", **attrs), "c")
    return g, g.transpose(g.reshape(y, (1, 4, 5, 3, 2, 2), "s"), (0, 1, 4, 2, 5, 3), "t")


def test_permute_filters_of_a_pixel_shuffle():
    g, y = pixel_shuffle()
    graph = check_pass(permute_filters, g.build(y))
    assert graph.nodes[-1].op.perm == (0, 1, 3, 2, 4, 5)
    assert graph.nodes[-1].output == "t" and "y" not in graph.tensors


def test_permute_filters_leaves_what_others_read():
    g, y = pixel_shuffle(groups=3)
    assert unchanged(permute_filters, g.build(y))
    g, y = pixel_shuffle()
    assert unchanged(permute_filters, g.build(y, "c"))
    g, y = pixel_shuffle()
    assert unchanged(permute_filters, g.build(y, g.clip("y", "d")))


def test_fuse_pad_through_a_reshape():
    g = FloatGraph(x=(1, 6, 4))
    y = g.put(Pad(((0, 0), (2, 1), (0, 0))), "x", output="p")
    y = g.conv(g.reshape(y, (1, 1, 9, 4), "r"), 3, "y")
    graph = check_pass(fuse_pad, g.build(y))
    assert kinds(graph) == ["reshape", "conv2d"]
    g = FloatGraph(x=(1, 6, 4))
    y = g.put(Pad(((0, 0), (2, 1), (0, 0))), "x", output="p")
    assert unchanged(fuse_pad, g.build(g.conv(g.reshape(y, (1, 3, 3, 4), "r"), 3, "y")))
