"""ConvTranspose as exporters write it, in every form that ONNX defines."""

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ops.onnx.write import write_graph
from tests.interchange.test_export import codes_off, compiled, exported
from tests.small_models import Net, run, save

from .checked import check_built

IMAGE = (1, 4, 6, 5)
STEP, CONV = "transposed_conv2d", "conv2d"
# Input, filters of a group, kernel, attributes, what it becomes.
FORMS = {
    "stride": (IMAGE, 3, (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, STEP),
    "no overlap": (IMAGE, 3, (2, 2), {"strides": [2, 2]}, STEP),
    "gaps": (IMAGE, 3, (2, 1), {"strides": [3, 2]}, STEP),
    "groups": (IMAGE, 3, (3, 3), {"strides": [2, 2], "group": 2}, STEP),
    "depthwise": (IMAGE, 1, (3, 3), {"strides": [2, 1], "group": 4}, STEP),
    "dilations": (IMAGE, 3, (3, 2), {"strides": [2, 3], "dilations": [3, 2], "output_padding": [1, 1]}, STEP),
    "line": ((1, 4, 9), 3, (5,), {"strides": [3], "pads": [2, 1], "output_padding": [2]}, STEP),
    "same upper": ((1, 4, 9), 3, (4,), {"strides": [3], "auto_pad": "SAME_UPPER"}, STEP),
    "same lower": ((1, 4, 9), 3, (4,), {"strides": [3], "auto_pad": "SAME_LOWER"}, STEP),
    "valid": ((1, 4, 9), 3, (4,), {"strides": [3], "auto_pad": "VALID"}, STEP),
    "output shape": (IMAGE, 3, (3, 3), {"strides": [2, 2], "output_shape": [12, 10]}, STEP),
    "output shape, more": (IMAGE, 3, (3, 3), {"strides": [3, 2], "output_shape": [19, 11]}, STEP),
    "output shape upper": (
        IMAGE,
        3,
        (3, 3),
        {"strides": [2, 2], "output_shape": [12, 10], "output_padding": [1, 0], "auto_pad": "SAME_UPPER"},
        STEP,
    ),
    "stride 1": (IMAGE, 3, (3, 3), {"pads": [1, 0, 2, 1]}, CONV),
    "stride 1, dilations": (IMAGE, 6, (3, 3), {"pads": [1, 0, 2, 1], "dilations": [2, 1], "group": 2}, CONV),
    "stride 1, cut": (IMAGE, 3, (3, 3), {"pads": [3, 0, 2, 1]}, STEP),
}


def transposed(net, x, channels, filters, kernel, **attrs):
    weights = net.random(channels, filters, *kernel)
    return net.add("ConvTranspose", x, weights, net.random(filters * attrs.get("group", 1)), **attrs)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_conv_transpose_is_one_step(tmp_path, name):
    shape, filters, kernel, attrs, kind = FORMS[name]
    net = Net(17, x=shape)
    y = net.add("Relu", transposed(net, "x", 4, filters, kernel, **attrs))
    built = check_built(net.model(y), tmp_path, least_db=38)
    assert built.steps() == [kind]


def test_normalizations_on_both_sides_fold_into_it(tmp_path):
    """A shift in front does not: outputs are sums of different numbers of taps."""
    net = Net(17, x=IMAGE)
    x = net.add("Mul", "x", net.const(np.array([1, 2, 3, 4], np.float32).reshape(1, 4, 1, 1)))
    y = net.batchnorm(transposed(net, x, 4, 6, (3, 3), strides=[2, 2], pads=[1, 1, 1, 1]), 6)
    assert check_built(net.model(net.add("Clip", y, net.const(0.0), net.const(6.0))), tmp_path).steps() == [
        STEP
    ]


def test_an_output_that_no_tap_meets_is_the_bias(tmp_path):
    net = Net(17, x=(1, 1, 1, 3))
    weights, bias = net.const(np.ones((1, 1, 1, 1), np.float32)), net.const(np.array([0.5], np.float32))
    y = net.add("ConvTranspose", "x", weights, bias, strides=[1, 3], output_padding=[0, 2])
    built = check_built(net.model(y), tmp_path)
    (found,) = built.found.values()
    assert found.shape[-1] == 9
    np.testing.assert_allclose(np.full((6, 6), 0.5), found.reshape(6, 9)[:, [1, 2, 4, 5, 7, 8]], atol=0.02)


def test_more_extra_rows_than_a_stride_are_zeros_behind_the_input(tmp_path):
    """PyTorch allows what lies below the dilation; onnxruntime only runs what lies below the stride."""
    rows = {}
    for form in ("extra", "padded"):
        net = Net(17, x=IMAGE)
        x, extra = "x", 2
        if form == "padded":
            x, extra = net.add("Pad", "x", net.const(np.array([0, 0, 0, 0, 0, 0, 1, 0]))), 0
        attrs = {"strides": [2, 1], "dilations": [3, 1], "output_padding": [extra, 0], "pads": [1, 0, 2, 0]}
        model = save(net.model(transposed(net, x, 4, 3, (3, 2), **attrs)), tmp_path)
        feed = {"x": np.random.default_rng(0).normal(size=IMAGE).astype(np.float32)}
        (rows[form],) = run(write_graph(read(model).graph), feed).values()
    np.testing.assert_allclose(rows["padded"], rows["extra"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("is_plain", [False, True], ids=["exact", "plain"])
@pytest.mark.parametrize("groups", [1, 2])
def test_quantized_model_runs_in_onnxruntime(tmp_path, groups, is_plain):
    net = Net(x=list(IMAGE))
    y = transposed(net, "x", 4, 3, (3, 3), strides=[2, 2], group=groups, output_padding=[1, 0])
    net.add("Relu", y, outputs=["y"])
    program, feeds = compiled(net, ["y"], tmp_path)
    assert [step.op.kind for step in program.steps] == [STEP]
    off = codes_off(program, exported(program, is_plain), feeds)["y"]
    assert off.max() <= (1.01 if is_plain else 1e-3)


REFUSED = {
    "rank": ({}, (1, 4, 3, 3, 3), (1, 1, 1), "M004", "3 spatial axes"),
    "kernel": ({"kernel_shape": [2, 2]}, IMAGE, (3, 3), "M002", "kernel_shape is"),
    "strides": ({"strides": [2]}, IMAGE, (3, 3), "M002", "for 2 axes"),
    "zero": ({"strides": [0, 1]}, IMAGE, (3, 3), "M002", "out of range"),
    "extra": ({"strides": [2, 2], "output_padding": [2, 0]}, IMAGE, (3, 3), "M002", "is not smaller"),
    "auto_pad": ({"auto_pad": "SAME"}, IMAGE, (3, 3), "M002", "auto_pad is 'SAME'"),
    "too large": ({"strides": [2, 2], "output_shape": [20, 20]}, IMAGE, (3, 3), "M004", "it is to give"),
    "same, gaps": ({"strides": [4, 4], "auto_pad": "SAME_LOWER"}, IMAGE, (3, 3), "M004", "ask for (24, 20)"),
    "groups": ({"group": 3}, IMAGE, (3, 3), "M006", "3 groups do not fit"),
    "nothing left": ({"pads": [4, 4, 4, 4]}, IMAGE, (3, 3), "M006", "leave nothing"),
    "huge": ({"strides": [100_000, 100_000]}, IMAGE, (3, 3), "M011", "elements"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_other_forms_are_refused(tmp_path, name):
    attrs, shape, kernel, code, text = REFUSED[name]
    net = Net(17, x=shape)
    y = net.add("ConvTranspose", "x", net.random(4, 3, *kernel), **attrs)
    with pytest.raises(McuqError) as caught:
        read(save(net.model(y), tmp_path))
    (problem,) = caught.value.problems
    assert (problem.code, text in str(problem)) == (code, True), str(problem)
