"""Convolutions whose patches are made block by block, and windows that ask for too much."""

import numpy as np
import pytest

import mcuq.ops.conv
from mcuq.ir.integer import Rounding
from mcuq.ir.op import ShapeError
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
