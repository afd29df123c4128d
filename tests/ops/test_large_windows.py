"""Convolutions whose patches are made block by block, and windows that ask for too much."""

import numpy as np
import pytest

import mcuq.ops.conv
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import ShapeError
from mcuq.ops.pool import MeanStep
from mcuq.ops.window import Window
from tests.truth.cases import random_cases


@pytest.mark.parametrize("elems", [1, 40, 700])
def test_blocks_change_no_result(monkeypatch, elems):
    cases = list(random_cases("conv2d", 60, Rounding.DOUBLE))
    expected = [case.op.run(case.x) for case in cases]
    monkeypatch.setattr(mcuq.ops.conv, "MAX_PATCH_ELEMS", elems)
    seen = []
    blocks = Window.blocks
    monkeypatch.setattr(Window, "blocks", lambda self, *args: seen.append(self) or blocks(self, *args))
    for case, y in zip(cases, expected, strict=True):
        np.testing.assert_array_equal(y, case.op.run(case.x))
    assert len(seen) > 20


def test_windows_that_ask_for_too_much_are_refused():
    """A stride as large as the border keeps the output small."""
    pads = Window((3, 3), (4096, 4096), (8192, 8192, 8192, 8192))
    with pytest.raises(ShapeError, match="the padded input"):
        pads.output_shape((1, 8, 8, 3), 4)
    with pytest.raises(ShapeError, match="taps"):
        Window((1025, 1024)).output_shape((1, 2000, 2000, 1), 1)
    assert Window((1024, 1024)).output_shape((1, 1024, 1024, 1), 5) == (1, 1, 1, 5)


def test_means_leave_room_for_their_zero_point():
    """255 * 65,793 shifted left by 7 is 127 below the end of int32: a zero point of 127 would overflow."""
    scale = Requant((2**31 - 1,), (7,), Rounding.DOUBLE)
    with pytest.raises(ValueError, match="a left shift that keeps sums in int32"):
        MeanStep(Window((1, 65793)), 0, 127, scale, -128, 127)
    MeanStep(Window((1, 65792)), 0, 127, scale, -128, 127)
