"""Calibration data of another kind than a network was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from zoo import DIGITS, FOUR, Data, Entry, load_data

FloatArray = NDArray[np.float32]


def strange_data(entry: Entry) -> dict[str, FloatArray | None]:
    """What to calibrate on instead of the right data, by description; None for no data.

    Args:
        entry: one of the networks with classes.
    """
    found: dict[str, FloatArray | None] = {"the right data": _pool(entry), "nothing": None}
    if entry.name == "kws":
        found["digits' pixels as noise"] = _digits_as(_pool(entry))
    if entry.name == "vww":
        found["CIFAR-10 pictures"] = _resized(_pool(_named("ic")), 96) / 255
    if entry.name == "ic":
        found["VWW pictures"] = _resized(_pool(_named("vww")), 32) * 255
    if entry.name in ("ic", "vww"):
        pictures = _pool(entry)
        found["grey"] = np.repeat(pictures.mean(axis=-1, keepdims=True), 3, axis=-1)
        found["colours swapped"] = np.ascontiguousarray(pictures[..., ::-1])
    return found


def _named(name: str) -> Entry:
    return next(entry for entry in FOUR if entry.name == name)


def _data(entry: Entry) -> Data:
    data = load_data(entry)
    assert data is not None
    return data


def _pool(entry: Entry) -> FloatArray:
    return _data(entry).cal_x


def _digits_as(like: FloatArray) -> FloatArray:
    """Pixels of digits in random order, stretched to the range of other data."""
    pixels = _data(DIGITS).cal_x.reshape(-1)
    drawn = np.random.default_rng(0).choice(pixels, like.shape)
    scaled = (drawn - pixels.min()) / (pixels.max() - pixels.min())
    return np.asarray(like.min() + scaled * (like.max() - like.min()), np.float32)


def _resized(pictures: FloatArray, size: int) -> FloatArray:
    """Pictures `[n, h, w, 3]` by the nearest pixel; IC's are of 0..255, VWW's of 0..1."""
    rows = np.arange(size) * pictures.shape[1] // size
    return np.ascontiguousarray(pictures[:, rows][:, :, rows])
