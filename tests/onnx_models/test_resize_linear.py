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


def test_downsampling_with_antialias_is_refused(tmp_path):
    net = Net(18, x=IMAGE)
    with pytest.raises(McuqError, match="antialias"):
        read(save(net.model(resized(net, "x", [1, 1, 0.5, 1], antialias=1)), tmp_path))


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
