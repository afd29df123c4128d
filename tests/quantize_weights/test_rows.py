"""A layer as matrix products against the layer itself."""

import numpy as np
import pytest

from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.window import Window
from mcuq.quantize.adjust import input_moments
from mcuq.quantize.reference import mean_rows
from mcuq.quantize.rounding.rows import RowReader, from_matrix, to_matrix

WINDOW = Window((3, 2), (2, 1), (1, 0, 1, 1), (1, 2))
CASES = [
    (Conv2d(WINDOW), (1, 9, 8, 4), (6, 3, 2, 4)),
    (Conv2d(WINDOW, groups=4), (1, 9, 8, 4), (4, 3, 2, 1)),
    (Conv2d(WINDOW, groups=4), (1, 9, 8, 4), (8, 3, 2, 1)),
    (Conv2d(Window((1, 1)), groups=2), (2, 5, 4, 6), (4, 1, 1, 3)),
    (Linear(), (1, 7), (3, 7)),
    (Linear(), (2, 4, 7), (3, 7)),
]


def _layer(op, x, w):
    """The layer's sums by its definition, `[n, positions, M]`."""
    if isinstance(op, Linear):
        return (x @ w.T).reshape(len(x), -1, len(w))
    top, left, bottom, right = op.window.pads
    image = np.pad(x.reshape(-1, *x.shape[2:]), ((0, 0), (top, bottom), (left, right), (0, 0)))
    out = 0
    parts = image.shape[3] // op.groups
    for (i, j), tap in op.window.taps(image):
        grouped = tap.reshape(*tap.shape[:3], op.groups, parts)
        weights = w[:, i, j].reshape(op.groups, -1, parts)
        out = out + np.einsum("nhwgc,gmc->nhwgm", grouped, weights)
    return out.reshape(len(x), -1, len(w))


@pytest.mark.parametrize("op, x_shape, w_shape", CASES)
def test_rows_times_matrix_is_the_layer(op, x_shape, w_shape):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(3, *x_shape)), rng.normal(size=w_shape)
    expected = _layer(op, x, w)
    assert expected.shape[1] == op.positions(x_shape)
    matrix = to_matrix(op, w)
    np.testing.assert_array_equal(w, from_matrix(matrix, w_shape))
    reader = RowReader.at_most(op, x_shape, 3, 10**9)
    found = (reader.read(x) @ matrix).transpose(1, 0, 2).reshape(expected.shape)
    np.testing.assert_allclose(found, expected)
    few = RowReader.at_most(op, x_shape, 3, 9)
    rows = few.read(x)
    assert rows.shape[1] <= 9 or few.per_sample == 1
    chosen = (2 * np.arange(few.per_sample) + 1) * expected.shape[1] // (2 * few.per_sample)
    found = (rows @ matrix).transpose(1, 0, 2).reshape(3, few.per_sample, -1)
    np.testing.assert_allclose(found, expected[:, chosen])
    means = (mean_rows(reader, x.mean(axis=0))[:, None] @ matrix).reshape(-1)
    np.testing.assert_allclose(means, expected.mean(axis=(0, 1)))


@pytest.mark.parametrize("op, x_shape, w_shape", CASES)
def test_moments_are_exact_and_those_of_the_rows(op, x_shape, w_shape):
    codes = np.random.default_rng(1).integers(-128, 128, (21, *x_shape), dtype=np.int8)
    reader = RowReader.at_most(op, x_shape, 21, 10**9)
    moments = input_moments(reader, codes, -128)
    rows = reader.read(codes.astype(np.int64) + 128)
    count = rows.shape[1]
    np.testing.assert_array_equal(moments.second, rows.transpose(0, 2, 1) @ rows / count)
    centred = rows - rows.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(
        moments.central, centred.transpose(0, 2, 1) @ centred / count, atol=1e-9 * moments.second.max()
    )
    constant = input_moments(reader, np.repeat(codes[:1], 21, axis=0), -128)
    if reader.per_sample == 1:
        assert not constant.central.any()
