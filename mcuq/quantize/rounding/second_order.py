"""Rounding that weighs errors by the inputs they meet: GPTQ, and coordinate descent on its result.

Everything here is in units of codes: `target` is `w / s`, and the loss of an output is `d H d^T` with
`d = q - target` and `H = E[x x^T]`. Groups and outputs are independent and computed side by side.
"""

from __future__ import annotations

import numpy as np

from mcuq.ir.integer import round_half_away_array
from mcuq.ir.types import Float64

DAMPING = 0.01
SWEEPS = 3
_BLOCK = 64  # columns updated together, so that most of the work is matrix products
_FEW = 32


def nearest(target: Float64, qmax: int) -> Float64:
    """The nearest codes in [-qmax, qmax], ties away from zero."""
    return np.clip(round_half_away_array(target), -qmax, qmax)


def loss(codes: Float64, target: Float64, moments: Float64) -> Float64:
    """`d H d^T` per output.

    Args:
        codes: `[G, K, m]`.
        target: `[G, K, m]`.
        moments: H, `[G, K, K]`.

    Returns:
        `[G, m]`.
    """
    difference = codes - target
    return np.asarray((difference * _times(moments, difference)).sum(axis=1))


def _times(moments: Float64, values: Float64) -> Float64:
    """`H v` for every group; matrices of a few taps are multiplied faster without BLAS."""
    if moments.shape[1] > _FEW or len(moments) == 1:
        return np.asarray(moments @ values)
    return np.asarray((moments[:, :, :, None] * values[:, None]).sum(axis=2))


def damped(moments: Float64, damping: float = DAMPING) -> Float64:
    """H with a share of its mean diagonal added to the diagonal, so that it can be factored; I for zeros."""
    size = moments.shape[-1]
    mean = np.einsum("gkk->g", moments) / size
    added = np.where(mean > 0, damping * mean, 1.0)
    return np.asarray(moments + added[:, None, None] * np.eye(size))


def gptq(target: Float64, moments: Float64, qmax: int, damping: float = DAMPING) -> Float64:
    """Round one input after the other, each making up for the errors of those before it.

    With `H = A A^T`, A upper triangular, the loss is `sum_j (sum_{i <= j} A_ij d_i)^2`: choosing q_j once
    all before it are fixed makes term j as small as a code can. That is GPTQ's update with
    `U = A^-1 = chol(H^-1)^T`, without the inverse. Inputs go by descending diagonal of H.

    Args:
        target: `[G, K, m]`.
        moments: H, `[G, K, K]`; singular or zero is allowed.
        qmax: the largest code.
        damping: share of the mean diagonal that is added.

    Returns:
        Codes `[G, K, m]`.

    Source: Frantar et al., GPTQ, algorithm 1; docs/calibration.md, weights.
    """
    order = np.argsort(-np.einsum("gkk->gk", moments), axis=1, kind="stable")
    factor = _upper_factor(_permute(damped(moments, damping), order))
    wanted = np.take_along_axis(target, order[:, :, None], axis=1)
    codes = np.empty_like(wanted)
    error = np.zeros_like(wanted)
    size = wanted.shape[1]
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        before = factor[:, :start, start:stop].transpose(0, 2, 1) @ error[:, :start]
        for j in range(start, stop):
            inside = (factor[:, start:j, j, None] * error[:, start:j]).sum(axis=1)
            # `error` is target - q of what is fixed; its weighted sum moves this input's target.
            moved = wanted[:, j] + (before[:, j - start] + inside) / factor[:, j, j, None]
            codes[:, j] = nearest(moved, qmax)
            error[:, j] = wanted[:, j] - codes[:, j]
    out = np.empty_like(codes)
    np.put_along_axis(out, order[:, :, None], codes, axis=1)
    return out


def _permute(moments: Float64, order: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Float64:
    """Rows and columns of each H in an order."""
    rows = np.take_along_axis(moments, order[:, :, None], axis=1)
    return np.take_along_axis(rows, order[:, None, :], axis=2)


def _upper_factor(moments: Float64) -> Float64:
    """Upper triangular A with `A A^T = H`."""
    factor = np.linalg.cholesky(moments[:, ::-1, ::-1])
    return np.ascontiguousarray(factor[:, ::-1, ::-1])


def descend(codes: Float64, target: Float64, moments: Float64, qmax: int, sweeps: int = SWEEPS) -> Float64:
    """Move one code after the other to where the loss is least; the loss never grows.

    Args:
        codes: where to start, `[G, K, m]`.
        target: `[G, K, m]`.
        moments: H, `[G, K, K]`; inputs that are always zero keep their codes.
        qmax: the largest code.
        sweeps: how often every code is visited; less where nothing moves any more.

    Returns:
        Codes `[G, K, m]`.
    """
    codes = codes.copy()
    diagonal = np.einsum("gkk->gk", moments)
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    gradient = moments @ (codes - target)
    size = codes.shape[1]
    for _ in range(sweeps):
        has_moved = False
        for start in range(0, size, _BLOCK):
            block = slice(start, min(start + _BLOCK, size))
            step = _descend_block(
                codes[:, block], gradient[:, block], moments[:, block, block], inverse[:, block], qmax
            )
            if step.any():
                has_moved = True
                gradient += moments[:, :, block] @ step
        if not has_moved:
            break
    return codes


def _descend_block(
    codes: Float64, gradient: Float64, moments: Float64, inverse: Float64, qmax: int
) -> Float64:
    """Visit a block of inputs once, `codes` in place.

    Returns:
        What was added to the codes, `[G, block, m]`; `gradient` is left as it was.
    """
    local = gradient.copy()
    step = np.zeros_like(codes)
    for j in range(codes.shape[1]):
        # rint leaves a code where two are equally good, so that no pair is exchanged forever.
        moved = np.clip(codes[:, j] - np.rint(local[:, j] * inverse[:, j, None]), -qmax, qmax)
        step[:, j] = moved - codes[:, j]
        if step[:, j].any():
            local += moments[:, :, j, None] * step[:, j, None, :]
            codes[:, j] = moved
    return step
