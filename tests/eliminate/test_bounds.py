"""Bounds with numbers worked out by hand."""

import dataclasses

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.conv import ConvStep
from mcuq.ops.move import ConcatStep
from mcuq.ops.pad import PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.table import TableStep
from mcuq.ops.unary import ClipStep
from mcuq.ops.window import Window
from tests.eliminate.networks import linear, weighted

ONE = Requant((2**30,), (1,), Rounding.DOUBLE)
HALF = Requant((2**30,), (0,), Rounding.DOUBLE)


def of(lo, hi):
    return Bounds(np.array(lo, np.int8), np.array(hi, np.int8))


def ends(op, *inputs):
    found = op.bounds(*inputs)
    return found.lo.tolist(), found.hi.tolist()


def test_bounds_of_a_weighted_sum_take_the_end_that_the_sign_asks_for():
    # 5 + 2 (x - 1) - 3 (y - 1): least 5 + 2 (-1) - 3 (1) = 0, most 5 + 2 (3) - 3 (-3) = 20.
    op = linear([[2, -3]], [5], x_zero_point=1)
    assert ends(op, of([0, -2], [4, 2])) == ([0], [20])


def test_bounds_of_a_weighted_sum_end_at_the_clamp():
    op = linear([[2, -3]], [5], x_zero_point=1, lo=4, hi=9)
    assert ends(op, of([0, -2], [4, 2])) == ([4], [9])
    # A negative bias under a ReLU: 2 x - 300 is at most -46, whatever x is.
    assert ends(linear([[2]], [-300], lo=0), of([-128], [127])) == ([0], [0])


def test_bounds_of_a_padded_convolution_differ_at_the_border():
    # Three taps of 1 on a constant 3 with z = 1: 2 + 2 + 2 inside, one tap less at both ends.
    params = weighted(np.ones((1, 1, 3, 1)), [0], x_zero_point=1)
    op = ConvStep(params, Window((1, 3), pads=(0, 1, 0, 1)), 1)
    row = np.full((1, 1, 4, 1), 3)
    assert [each[0][0] for each in ends(op, of(row, row))] == [[[4], [6], [6], [4]]] * 2


def test_bounds_of_an_addition_and_a_subtraction():
    # (a << 20) / 2 twice, and 2^-19 of the sum: a + b or a - b.
    total = Requant((2**30,), (-18,), Rounding.DOUBLE)
    op = AddStep(0, 0, 0, HALF, HALF, total, False, -128, 127)
    a, b = of([1, -5], [3, 5]), of([10, 0], [20, 0])
    assert ends(op, a, b) == ([11, -5], [23, 5])
    assert ends(dataclasses.replace(op, is_subtraction=True), a, b) == ([-19, -5], [-7, 5])


def test_bounds_of_a_product_are_at_its_corners():
    # -2..3 by -4..5: the products of the ends are 8, -10, -12, 15.
    op = MulStep(0, 0, 0, ONE, -128, 127)
    assert ends(op, of([-2, 0], [3, 0]), of([-4, -128], [5, 127])) == ([-12, 0], [15, 0])


def test_bounds_of_a_table_that_falls_and_rises():
    table = np.abs(np.arange(-128, 128)).clip(0, 127).astype(np.int8)
    assert ends(TableStep(table), of([-3, 2, -9], [2, 2, -4])) == ([0, 2, 4], [3, 2, 9])


def test_bounds_of_pools_see_both_ends_of_their_windows():
    x = of(np.array([-7, 2, 0, 4]).reshape(1, 2, 2, 1), np.array([-1, 2, 9, 5]).reshape(1, 2, 2, 1))
    window = Window((2, 2))
    assert [np.ravel(each).tolist() for each in ends(MaxPoolStep(window, -128, 127), x)] == [[4], [9]]
    # -1 / 4 rounds to 0, 15 / 4 to 4.
    average = AveragePoolStep(window, False, 0, -128, 127)
    assert [np.ravel(each).tolist() for each in ends(average, x)] == [[0], [4]]
    mean = MeanStep(window, 0, 10, ONE, -128, 20)
    assert [np.ravel(each).tolist() for each in ends(mean, x)] == [[9], [20]]


def test_bounds_of_what_moves_codes():
    x = of([[1, 2]], [[3, 2]])
    assert ends(ClipStep(2, 2), x) == ([[2, 2]], [[2, 2]])
    assert ends(PadStep(((0, 1), (0, 0)), 9, -128, 127), x) == ([[1, 2], [9, 9]], [[3, 2], [9, 9]])
    assert ends(ConcatStep(1, -128, 127), x, x) == ([[1, 2, 1, 2]], [[3, 2, 3, 2]])
