"""Linear Resize and Upsample in every coordinate mode, layout and rank."""

import numpy as np
import onnx
import pytest

from mcuq.errors import McuqError
from mcuq.frontend import read
from tests.interchange.test_export import codes_off, compiled, exported
from tests.small_models import Net, save

from .checked import check_built

IMAGE = (1, 3, 5, 4)
MODES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
)


def resized(net, x, scales, **attrs):
    return net.add("Resize", x, "", net.const(np.array(scales, np.float32)), mode="linear", **attrs)


@pytest.mark.parametrize("factor", [2.0, 3.3, 0.6, 0.25])
@pytest.mark.parametrize("mode", MODES)
def test_linear_resize_in_every_mode(tmp_path, mode, factor):
    net = Net(19, x=IMAGE)
    y = resized(net, "x", [1, 1, factor, 1.5], coordinate_transformation_mode=mode)
    assert check_built(net.model(y), tmp_path, least_db=36).steps() == ["resize_linear"]


@pytest.mark.parametrize(
    ("shape", "scales", "steps"),
    [
        ((1, 3, 9), [1, 1, 2], 1),
        ((4, 6), [2, 1.5], 1),
        ((1, 5, 4, 3), [1, 2, 2, 1], 1),
        ((1, 2, 3, 4, 5), [1, 1, 2, 2, 2], 2),
        ((2, 3, 4, 3), [1, 1, 1, 2], 1),
    ],
)
def test_linear_resize_of_other_ranks_and_axes(tmp_path, shape, scales, steps):
    net = Net(17, x=shape)
    built = check_built(net.model(resized(net, "x", scales)), tmp_path, least_db=36)
    assert [kind for kind in built.steps() if kind != "transpose"] == ["resize_linear"] * steps


def test_upsample_and_the_first_resize(tmp_path):
    for opset, op_type in ((9, "Upsample"), (10, "Resize")):
        net = Net(opset, x=IMAGE)
        y = net.add(op_type, "x", net.const(np.array([1, 1, 2, 2], np.float32)), mode="linear")
        assert check_built(net.model(y), tmp_path, least_db=36).steps() == ["resize_linear"]


@pytest.mark.parametrize("coefficient", [-0.75, -0.5])
@pytest.mark.parametrize("exclude", [0, 1])
@pytest.mark.parametrize("factor", [2.0, 0.6, 3.3])
def test_cubic_resize(tmp_path, factor, exclude, coefficient):
    net = Net(19, x=IMAGE)
    scales = net.const(np.array([1, 1, factor, 1.5], np.float32))
    attrs = {"cubic_coeff_a": coefficient, "exclude_outside": exclude}
    y = net.add("Resize", "x", "", scales, mode="cubic", **attrs)
    assert check_built(net.model(y), tmp_path, least_db=25).steps().count("linear") == 2


@pytest.mark.parametrize("value", [0.0, 1.5])
@pytest.mark.parametrize("roi", [[0.2, 0.1, 0.9, 0.8], [-0.3, 0.1, 0.8, 1.4], [0.8, 0.8, 0.1, 0.1]])
def test_resize_of_a_part(tmp_path, roi, value):
    net = Net(19, x=IMAGE)
    inputs = [net.const([0.0, 0.0, *roi[:2], 1.0, 1.0, *roi[2:]]), "", net.const(np.array([1, 3, 7, 6]))]
    attrs = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": value}
    check_built(net.model(net.add("Resize", "x", *inputs, mode="linear", **attrs)), tmp_path, least_db=20)


@pytest.mark.parametrize("factor", [0.5, 0.3])
def test_downsampling_with_antialias_is_a_layer(tmp_path, factor):
    net = Net(19, x=IMAGE)
    graph = read(save(net.model(resized(net, "x", [1, 1, factor, 1], antialias=1)), tmp_path)).graph
    assert [node.op.kind for node in graph.nodes].count("linear") == 1


def test_roi_that_is_no_part_is_refused(tmp_path):
    net = Net(19, x=IMAGE)
    inputs = [net.const([0.0, 0.0, 1.0]), "", net.const(np.array([1, 3, 7, 6]))]
    y = net.add("Resize", "x", *inputs, mode="linear", coordinate_transformation_mode="tf_crop_and_resize")
    with pytest.raises(McuqError, match="scales or sizes"):
        read(save(net.model(y), tmp_path))


@pytest.mark.parametrize("is_plain", [False, True], ids=["exact", "plain"])
def test_quantized_model_runs_in_onnxruntime(tmp_path, is_plain):
    net = Net(17, x=list(IMAGE))
    y = resized(net, net.conv("x", 3, 4, (1, 1)), [1, 1, 2, 3])
    net.add("Relu", y, outputs=["y"])
    program, feeds = compiled(net, ["y"], tmp_path)
    model = exported(program, is_plain)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    off = codes_off(program, model, feeds)["y"]
    assert off.max() <= (1.01 if is_plain else 1e-3)
