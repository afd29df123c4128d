"""Operators that only move values: slices, joins, resizing, transposes, shuffles, pads."""

import numpy as np
import pytest
from onnx import helper
from passes.float_graphs import FloatGraph, check_pass
from small_models import FLOAT, Net

from mcuq.ops.move import Transpose
from mcuq.passes.split_transposes import count_groups, split_transposes

from .checked import check_built

IMAGE = (1, 4, 6, 5)


def ints(net, *values):
    return net.const(np.array(values, np.int64))


def between_convolutions(build, tmp_path, channels, opset=18):
    """What a mover costs where both sides work in NHWC."""
    net = Net(opset, x=(1, 3, 6, 5))
    y = build(net, net.conv("x", 3, 4, (1, 1)))
    kinds = check_built(net.model(net.conv(y, channels, 2, (1, 1))), tmp_path).kinds()
    assert kinds[0] == kinds[-1] == "conv2d"
    return kinds[1:-1]


MOVERS = {
    "slice": (
        lambda net, x: net.add("Slice", x, ints(net, 1, -3), ints(net, 3, 99), ints(net, 1, 2)),
        2,
        ["slice"],
    ),
    "slice steps": (
        lambda net, x: net.add(
            "Slice", x, ints(net, 0, 1), ints(net, 4, 5), ints(net, 1, -1), ints(net, 2, 3)
        ),
        2,
        ["slice"],
    ),
    "slice all": (lambda net, x: net.add("Slice", x, ints(net, 0), ints(net, 99), ints(net, 2)), 4, []),
    "slice backwards": (
        lambda net, x: net.add("Slice", x, ints(net, -1), ints(net, -99), ints(net, 1), ints(net, -1)),
        4,
        ["reshape", "resize_nearest", "reshape"],
    ),
    "gather range": (lambda net, x: net.add("Gather", x, ints(net, 1, 2), axis=1), 2, ["slice"]),
    "gather mixed": (
        lambda net, x: net.add("Gather", x, ints(net, 2, 0, 2), axis=1),
        3,
        ["reshape", "resize_nearest", "reshape"],
    ),
    "concat": (lambda net, x: net.add("Concat", x, net.random(1, 2, 6, 5), axis=1), 6, ["concat"]),
    "concat rows": (lambda net, x: net.add("Concat", x, x, axis=-2), 4, ["concat"]),
    "resize": (
        lambda net, x: net.add("Resize", x, "", net.const([1.0, 1.0, 2.0, 2.0]), mode="nearest"),
        4,
        ["resize_nearest"],
    ),
    "shuffle": (  # the convolution does it
        lambda net, x: net.add(
            "Reshape",
            net.add("Transpose", net.add("Reshape", x, ints(net, 1, 2, 2, 6, 5)), perm=[0, 2, 1, 3, 4]),
            ints(net, 1, 4, 6, 5),
        ),
        4,
        [],
    ),
    "depth to space": (
        lambda net, x: net.add("DepthToSpace", x, blocksize=2),
        1,
        ["reshape", "transpose", "reshape"],
    ),
    "depth to space crd": (
        lambda net, x: net.add("DepthToSpace", x, blocksize=2, mode="CRD"),
        1,
        ["reshape", "transpose", "reshape"],
    ),
    "space to depth": (
        lambda net, x: net.add(
            "SpaceToDepth", net.add("Slice", x, ints(net, 0), ints(net, 4), ints(net, 3)), blocksize=2
        ),
        16,
        ["slice", "reshape", "transpose", "reshape"],
    ),
    "pad reflect": (
        lambda net, x: net.add("Pad", x, ints(net, 0, 0, 2, 1, 0, 0, 1, 3), mode="reflect"),
        4,
        ["resize_nearest"],
    ),
    "pad edge": (
        lambda net, x: net.add("Pad", x, ints(net, 0, 0, 2, 1, 0, 0, 1, 3), mode="edge"),
        4,
        ["resize_nearest"],
    ),
    "pad number": (
        lambda net, x: net.add("Pad", x, ints(net, 1, 0, 1, 3), net.const(0.5), ints(net, 2, 3)),
        4,
        ["pad"],
    ),
    "pad channels": (lambda net, x: net.add("Pad", x, ints(net, 1, 2), "", ints(net, 1)), 7, ["pad"]),
    "tile": (lambda net, x: net.add("Tile", x, ints(net, 1, 1, 2, 1)), 4, ["resize_nearest"]),
    "tile void": (lambda net, x: net.add("Tile", x, ints(net, 1, 1, 1, 1)), 4, []),
    "expand void": (lambda net, x: net.add("Expand", x, ints(net, 1, 6, 5)), 4, []),
    "cast void": (lambda net, x: net.add("Cast", x, to=FLOAT), 4, []),
    "squeezed": (
        lambda net, x: net.add("Unsqueeze", net.add("Squeeze", x, ints(net, 0)), ints(net, 0)),
        4,
        [],
    ),
    "one dimension and back": (
        lambda net, x: net.add(
            "Reshape", net.add("Relu", net.add("Reshape", x, ints(net, 0, 0, -1))), ints(net, 1, 4, 6, 5)
        ),
        4,
        [],
    ),
    "swapped axes": (lambda net, x: net.add("Transpose", x, perm=[0, 1, 3, 2]), 4, ["transpose"]),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVERS)
def test_moves_between_convolutions(name, tmp_path):
    build, channels, expected = MOVERS[name]
    assert between_convolutions(build, tmp_path, channels) == expected


def test_split_forms(tmp_path):
    for opset, inputs, attrs in (
        (11, (), {"split": [1, 3]}),
        (11, (), {}),
        (13, ([3, 1],), {}),
        (18, ([1, 3],), {}),
    ):
        outputs = ["a", "b"]
        net = Net(opset, x=IMAGE)
        y = net.conv("x", 4, 4, (1, 1))
        net.add("Split", y, *(ints(net, *each) for each in inputs), axis=1, outputs=outputs, **attrs)
        assert check_built(net.model(*outputs), tmp_path).kinds() == ["conv2d", "slice", "slice"]


def test_split_with_an_unused_part(tmp_path):
    net = Net(18, x=IMAGE)
    net.add("Split", "x", axis=3, num_outputs=3, outputs=["a", "b", "c"])
    assert check_built(net.model("a", "c"), tmp_path).kinds() == ["slice", "slice"]


def test_slice_of_attributes(tmp_path):
    net = Net(9, x=IMAGE)
    y = net.add("Slice", net.conv("x", 4, 4, (1, 1)), starts=[1, -4], ends=[3, -1], axes=[1, 2])
    assert check_built(net.model(y), tmp_path).kinds() == ["conv2d", "slice"]


@pytest.mark.parametrize("opset", [7, 8, 9])
def test_upsample(opset, tmp_path):
    net = Net(opset, x=IMAGE)
    scales = [1.0, 1.0, 2.0, 3.0]
    if opset < 9:
        y = net.add("Upsample", net.conv("x", 4, 4, (1, 1)), scales=scales)
    else:
        y = net.add("Upsample", net.conv("x", 4, 4, (1, 1)), net.const(scales))
    assert check_built(net.model(y), tmp_path).kinds() == ["conv2d", "resize_nearest"]


@pytest.mark.parametrize(
    "mode", "half_pixel half_pixel_symmetric pytorch_half_pixel align_corners asymmetric".split()
)
@pytest.mark.parametrize("rounding", "round_prefer_floor round_prefer_ceil floor ceil".split())
def test_resize_modes(mode, rounding, tmp_path):
    """Up, down, by whole and broken factors, as onnxruntime computes them."""
    broken = [[1.5, 2.6], [0.5, 0.6], [0.34, 3.0], [1.0, 0.2]]
    if mode == "half_pixel_symmetric":
        broken = [[1.7, 2.25], [0.5, 3.0]]  # others fall on ties, which float32 decides by chance
    net = Net(19, x=IMAGE)
    attrs = {"mode": "nearest", "coordinate_transformation_mode": mode, "nearest_mode": rounding}
    outputs = [
        net.add("Resize", "x", "", net.const([1, 1, *factors]), **attrs) for factors in ([2.0, 1.0], *broken)
    ]
    outputs += [
        net.add("Resize", "x", "", "", ints(net, *sizes), **attrs, axes=[2, 3])
        for sizes in ([7, 4], [1, 1], [12, 11])
    ]
    built = check_built(net.model(*outputs), tmp_path)
    assert set(built.kinds()) == {"resize_nearest"}


def test_resize_of_other_ranks_and_axes(tmp_path):
    net = Net(19, x=(1, 3, 7), y=(2, 5), z=(1, 3, 4, 5))
    outputs = [
        net.add("Resize", "x", "", net.const([1.0, 1.0, 2.0]), mode="nearest"),
        net.add("Resize", "y", "", net.const([2.0, 1.0]), mode="nearest"),
        net.add("Resize", "z", "", net.const([1.0, 2.0, 1.0, 3.0]), mode="nearest"),
        net.add("Resize", "z", "", "", ints(net, 8, 8), mode="nearest", axes=[2, 3],
                keep_aspect_ratio_policy="not_larger"),
    ]  # fmt: skip
    check_built(net.model(*outputs), tmp_path)


def test_resize_of_the_first_opset_with_downsampling(tmp_path):
    net = Net(10, x=IMAGE)
    outputs = [net.add("Resize", "x", net.const([1, 1, *f])) for f in ([2.0, 1.5], [0.5, 0.7])]
    check_built(net.model(*outputs), tmp_path)


def test_expand_and_tile_of_any_axis(tmp_path):
    net = Net(17, x=(1, 3, 1, 1), y=(3, 1), z=(2, 3))
    outputs = [
        net.add("Expand", "x", ints(net, 2, 3, 4, 5)),
        net.add("Expand", "y", ints(net, 2, 3, 4)),
        net.add("Tile", "z", ints(net, 2, 3)),
    ]
    check_built(net.model(*outputs), tmp_path)


def test_expand_like_another_tensor(tmp_path):
    net = Net(17, x=(1, 3, 4, 5), y=(1, 3, 1, 1))
    check_built(net.model(net.add("Mul", "x", net.add("Expand", "y", net.add("Shape", "x")))), tmp_path)


def test_gather_of_a_matrix_of_indices(tmp_path):
    net = Net(17, x=(2, 5, 3))
    y = net.add("Gather", "x", net.const(np.array([[0, -1], [2, 2]])), axis=1)
    assert check_built(net.model(y), tmp_path).expected[y].shape[1:] == (2, 2, 2, 3)


@pytest.mark.parametrize("perm", [(0, 3, 1, 2), (3, 2, 1, 0), (0, 2, 1, 3)])
def test_transposes_between_activations_and_outputs_are_free(perm, tmp_path):
    net = Net(17, x=IMAGE)
    y = net.add("Relu", net.add("Transpose", net.conv("x", 4, 4, (1, 1)), perm=perm))
    assert check_built(net.model(y), tmp_path).kinds() == ["conv2d"]


@pytest.mark.parametrize(
    "perm", [(4, 3, 2, 1, 0), (5, 3, 1, 4, 2, 0), (2, 0, 4, 1, 3), (6, 1, 0, 5, 3, 2, 4), (0, 2, 1, 3, 4)]
)
def test_transposes_of_many_axes_are_split(perm):
    rng = np.random.default_rng(0)
    for ones in range(3):
        shape = [1] * ones + [2 + i % 2 for i in range(len(perm) - ones)]
        shape = tuple(rng.permutation(shape).tolist())
        g = FloatGraph(x=shape)
        graph = check_pass(split_transposes, g.build(g.transpose("x", perm, "y")))
        for node in graph.nodes:
            if len(graph.nodes) > 1 and isinstance(node.op, Transpose):
                assert count_groups(node.op.perm) <= 4
    assert len(graph.nodes) > 1 or count_groups(perm) <= 4 or ones


def test_pads_of_many_axes(tmp_path):
    net = Net(17, x=(2, 3, 2, 3, 2))
    check_built(net.model(net.add("Pad", "x", ints(net, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0))), tmp_path)


def test_outputs_of_values_are_named(tmp_path):
    """A constant of `ConstantOfShape` is folded into what reads it."""
    net = Net(17, x=(1, 3, 4, 5))
    value = helper.make_tensor("v", FLOAT, [1], [0.5])
    fill = net.add("ConstantOfShape", net.add("Shape", "x"), value=value)
    assert check_built(net.model(net.add("Mul", "x", fill)), tmp_path).kinds() == ["table"]
