"""Sums of magnitudes and squares, and lengths, along any axes."""

import numpy as np
import pytest
from small_models import Net

from .checked import check_built


@pytest.mark.parametrize("op_type", ["ReduceL1", "ReduceL2", "ReduceSumSquare"])
@pytest.mark.parametrize(
    ("x", "axes", "keepdims"),
    [
        ((3, 16), [1], 1),
        ((1, 4, 6, 5), [2, 3], 0),
        ((1, 4, 6, 5), [1], 1),
        ((2, 8), None, 0),
        ((1, 1, 5), [0], 1),
    ],
)
def test_norms(op_type, x, axes, keepdims, tmp_path):
    net = Net(17, x=x)
    attrs = {} if axes is None else {"axes": axes}
    y = net.add(op_type, "x", keepdims=keepdims, **attrs)
    assert check_built(net.model(y), tmp_path).steps()


def test_axes_may_be_an_input(tmp_path):
    net = Net(18, x=(2, 3, 8))
    y = net.add("ReduceL2", "x", net.const(np.array([-1], np.int64)), keepdims=0)
    steps = check_built(net.model(y), tmp_path).steps()
    assert steps == ["table", "mean", "table"]
