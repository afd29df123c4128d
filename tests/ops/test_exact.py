"""Products of integers in floating point."""

import numpy as np
import pytest

from mcuq.ops.exact import exact_matmul

SHAPES = [
    ((7,), (7, 3)),
    ((1, 5), (5, 1)),
    ((6, 1, 5), (5, 2)),
    ((2, 3, 4, 5), (5, 6)),
    ((0, 3, 5), (5, 4)),
    ((4, 3, 5), (4, 5, 2)),
    ((4, 1, 3, 5), (2, 5, 2)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_it_is_the_product_of_integers(left, right, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-255, 256, left), rng.integers(-128, 128, right)
    found = exact_matmul(a.astype(dtype), b.astype(dtype))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, a @ b)


def test_flags_of_the_processor_are_not_reported():
    """What lies beyond a matrix can raise them: here a value of it does, which integers never are."""
    assert np.isnan(exact_matmul(np.array([[np.inf, np.inf]]), np.array([[1.0], [-1.0]]))).all()
