"""Integer products of matrices, computed in floating point."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Array


def exact_matmul(a: Array, b: Array) -> Array:
    """`a @ b` of integers in a float type in which every partial sum is exact.

    Args:
        a: `[..., M, K]`, finite.
        b: `[K, N]`, or `[..., K, N]` for products one by one; finite, of a's type.

    Returns:
        `[..., M, N]`.
    """
    if b.ndim == 2:
        # One large product is many times faster than one per row of a.
        return _product(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    return _product(a, b)


def _product(a: Array, b: Array) -> Array:
    # On some processors the kernels below NumPy also compute in lanes beyond the matrices, of whatever lies
    # there: the flags that these raise say nothing about the sums.
    with np.errstate(all="ignore"):
        found: Array = np.matmul(a, b)
    return found
