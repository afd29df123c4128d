"""Pools and convolutions with three spatial axes, and average pools with dilation."""

import pytest
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read

from .checked import check_built

VOLUME = (2, 3, 5, 6, 4)
WINDOWS = {
    "plain": {"kernel_shape": [2, 3, 2]},
    "strides": {"kernel_shape": [2, 2, 3], "strides": [2, 1, 2]},
    "pads": {"kernel_shape": [3, 2, 3], "strides": [1, 2, 1], "pads": [1, 0, 2, 2, 1, 1]},
    "same": {"kernel_shape": [3, 3, 2], "strides": [2, 2, 2], "auto_pad": "SAME_UPPER"},
    "ceil": {"kernel_shape": [2, 4, 3], "strides": [2, 3, 2], "pads": [1, 1, 1, 0, 0, 0], "ceil_mode": 1},
    "whole depth": {"kernel_shape": [5, 2, 2], "strides": [1, 2, 2]},
    "whole": {"kernel_shape": [5, 6, 4]},
    "one": {"kernel_shape": [1, 1, 1], "strides": [2, 2, 2]},
}


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_max_pool_3d(window, tmp_path):
    net = Net(18, x=VOLUME)
    outputs = [net.add("MaxPool", "x", **window)]
    if "auto_pad" not in window and "ceil_mode" not in window:
        outputs.append(net.add("MaxPool", "x", **window, dilations=[1, 1, 1]))
    assert set(check_built(net.model(*outputs), tmp_path, least_db=30.0).steps()) <= {
        "max_pool",
        "slice",
        "transpose",
        "copy",
    }


def test_max_pool_3d_with_dilation(tmp_path):
    net = Net(18, x=VOLUME)
    y = net.add("MaxPool", "x", kernel_shape=[2, 3, 2], dilations=[3, 2, 2], pads=[1, 1, 1, 1, 1, 1])
    check_built(net.model(y), tmp_path, least_db=30.0)


@pytest.mark.parametrize("is_included", [0, 1])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_average_pool_3d_rounds_once(window, is_included, tmp_path):
    net = Net(18, x=VOLUME)
    built = check_built(
        net.model(net.add("AveragePool", "x", **window, count_include_pad=is_included)),
        tmp_path,
        least_db=20.0,
    )
    assert 1 <= sum(kind in ("mean", "average_pool") for kind in built.kinds()) <= 4


@pytest.mark.parametrize("shape", [(1, 2, 9), (1, 2, 9, 8), (1, 2, 9, 8, 7)])
@pytest.mark.parametrize("is_included", [0, 1])
def test_average_pool_with_dilation(shape, is_included, tmp_path):
    rank = len(shape) - 2
    net = Net(19, x=shape)
    window = {"kernel_shape": [2, 3, 2][:rank], "strides": [2, 1, 2][:rank], "dilations": [3, 2, 2][:rank]}
    outputs = [net.add("AveragePool", "x", **window, count_include_pad=is_included)]
    if is_included:
        outputs.append(net.add("AveragePool", "x", **window, count_include_pad=1, pads=[1] * (2 * rank)))
    check_built(net.model(*outputs), tmp_path)


def test_average_pool_with_padding_between_taps_is_refused(tmp_path):
    net = Net(19, x=(1, 2, 9, 9))
    window = {"kernel_shape": [3, 3], "dilations": [2, 2], "pads": [3, 3, 3, 3]}
    with pytest.raises(McuqError, match="between the taps"):
        read(save(net.model(net.add("AveragePool", "x", **window)), tmp_path))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 6), (1, 2, 1, 3, 2)])
def test_global_pools_of_volumes(shape, tmp_path):
    net = Net(18, x=shape)
    outputs = [net.add(f"Global{kind}Pool", "x") for kind in ("Average", "Max")]
    check_built(net.model(*outputs), tmp_path, least_db=15.0)


CONVOLUTIONS = {
    "plain": ((4, 6, 2, 3, 2), {}),
    "depth 1": ((4, 6, 1, 3, 3), {"pads": [0, 1, 1, 0, 1, 1]}),
    "whole depth": ((4, 6, 5, 2, 2), {"strides": [1, 2, 1]}),
    "pads": ((4, 6, 3, 3, 3), {"pads": [1, 1, 1, 1, 1, 1]}),
    "strides": ((4, 6, 2, 2, 2), {"strides": [2, 2, 3], "pads": [1, 0, 1, 0, 1, 0]}),
    "dilations": ((4, 6, 2, 2, 2), {"dilations": [3, 2, 1]}),
    "groups": ((4, 3, 3, 2, 2), {"group": 2, "pads": [1, 0, 0, 1, 0, 0]}),
    "depthwise": ((6, 1, 2, 3, 3), {"group": 6}),
    "same": ((4, 6, 3, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2, 2]}),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv_3d_is_one_conv_2d(name, tmp_path):
    shape, attrs = CONVOLUTIONS[name]
    net = Net(18, x=(2, 6, 5, 6, 4))
    y = net.add("Conv", "x", net.random(*shape), net.random(shape[0]), **attrs)
    steps = check_built(net.model(net.add("Relu", y)), tmp_path, least_db=25.0).steps()
    assert sum(step in ("conv2d", "depthwise_conv2d") for step in steps) == 1


@pytest.mark.parametrize("name", ["kernel_shape", "strides", "pads", "dilations"])
@pytest.mark.parametrize("op_type", ["AveragePool", "MaxPool"])
def test_absurd_windows_are_refused(op_type, name, tmp_path):
    attrs = {"kernel_shape": [2, 2, 2], "strides": [1, 1, 1], "pads": [0] * 6, "dilations": [1, 1, 1]}
    for value in (2**31, 2**62, -1):
        for axis in range(3):
            changed = {**attrs, name: list(attrs[name])}
            changed[name][axis] = value
            net = Net(19, x=VOLUME)
            if name == "strides" and value > 0:
                continue  # a stride of any length is one output
            with pytest.raises(McuqError) as caught:
                read(save(net.model(net.add(op_type, "x", **changed)), tmp_path))
            assert {problem.code for problem in caught.value.problems} <= {"M002", "M004", "M006", "M011"}
