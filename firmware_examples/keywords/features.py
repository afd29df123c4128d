"""The features of a second of sound that keyword spotters of MLPerf Tiny take, and the tables of features.c.

python features.py sound.npy features.npy   # int16 [n, 16000] to float32 [n, 49, 10, 1], the model's input
python features.py --tables                 # writes features_tables.h again

A second is divided by its largest sample. Frames of 30 ms follow each other by 20 ms; of each, under a
periodic Hann window and padded to 512 samples, the magnitudes of the spectrum are weighed by 40 triangles
that are of equal width in mel (HTK) from 20 to 4,000 Hz. Of the logarithms of these sums, plus 1e-6, the
first 10 coefficients of an orthonormal DCT-II are taken, of which the first is larger by the square root
of 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE, SAMPLES, LENGTH, HOP, POINTS = 16_000, 16_000, 480, 320, 512
FRAMES = 1 + (SAMPLES - LENGTH) // HOP
BANDS, COEFFICIENTS, LOWEST_HZ, HIGHEST_HZ, FLOOR = 40, 10, 20.0, 4000.0, 1e-6
TABLES = Path(__file__).with_name("features_tables.h")
Float64 = NDArray[np.float64]


def window() -> Float64:
    """`[480]`, periodic Hann."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(LENGTH) / LENGTH)


def mel(hertz: Float64 | float) -> Float64:
    """The scale of HTK."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0))


def bands() -> Float64:
    """Weights of the spectrum's magnitudes, `[257, 40]`: triangles in mel; nothing of the mean."""
    edges = np.linspace(mel(LOWEST_HZ), mel(HIGHEST_HZ), BANDS + 2)
    at = mel(np.linspace(0, RATE / 2, POINTS // 2 + 1))[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return weights


def dct() -> Float64:
    """`[10, 40]`: 2 cos(pi k (n + 1/2) / 40) / sqrt(80)."""
    k, n = np.arange(COEFFICIENTS)[:, None], np.arange(BANDS)
    return 2 * np.cos(np.pi * k * (n + 0.5) / BANDS) / np.sqrt(2 * BANDS)


def features(sound: NDArray[np.int16]) -> Float64:
    """Features of seconds of sound.

    Args:
        sound: int16 `[n, 16000]`; a shorter recording has zeros behind it.

    Returns:
        `[n, 49, 10, 1]`.
    """
    largest = np.maximum(sound.max(axis=1, keepdims=True), 1)
    samples = sound / largest
    starts = HOP * np.arange(FRAMES)
    frames = samples[:, starts[:, None] + np.arange(LENGTH)] * window()
    spectrum = np.abs(np.fft.rfft(frames, POINTS))
    return (np.log(spectrum @ bands() + FLOOR) @ dct().T)[..., None]


def _rows(name: str, ctype: str, values: NDArray[np.generic], shape: str = "") -> Iterator[str]:
    """A C array, eight numbers a line."""
    yield f"static const {ctype} {name}[{shape or values.size}] = {{"
    texts = [f"{float(each):.9g}" if ctype == "float" else str(each) for each in values.ravel()]
    if ctype == "float":
        texts = [f"{each if set(each) & set('.e') else each + '.0'}F" for each in texts]
    for at in range(0, len(texts), 8):
        yield "    " + ", ".join(texts[at : at + 8]) + ","
    yield "};"


def tables() -> str:
    """The text of features_tables.h."""
    weights = bands()
    begins = np.array([int(np.flatnonzero(column)[0]) for column in weights.T])
    counts = np.array([np.count_nonzero(column) for column in weights.T])
    used = [
        weights[begin : begin + count, band]
        for band, (begin, count) in enumerate(zip(begins, counts, strict=True))
    ]
    angles = 2 * np.pi * np.arange(POINTS // 2) / POINTS
    lines = [
        "/* Tables of features.c, written by features.py --tables: do not edit. */",
        "#ifndef FEATURES_TABLES_H",
        "#define FEATURES_TABLES_H",
        "",
        "#include <stdint.h>",
        "",
        "/* The window of a frame. */",
        *_rows("table_window", "float", np.float32(window())),
        "",
        "/* The unit circle in 512 parts, its half below the axis: cosines and negative sines. */",
        *_rows("table_cos", "float", np.float32(np.cos(angles))),
        *_rows("table_sin", "float", np.float32(-np.sin(angles))),
        "",
        "/* Of each band the first point of the spectrum, the number of points, and their weights. */",
        *_rows("table_begin", "uint8_t", begins),
        *_rows("table_count", "uint8_t", counts),
        *_rows("table_weight", "float", np.float32(np.concatenate(used))),
        "",
        "/* Coefficients by bands. */",
        *_rows("table_dct", "float", np.float32(dct())),
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compute features of a file, or write the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sound", type=Path, nargs="?")
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--tables", action="store_true", help="write features_tables.h")
    options = parser.parse_args()
    if options.tables:
        TABLES.write_text(tables(), "utf-8")
    elif options.sound is None or options.output is None:
        parser.error("give sound.npy and features.npy, or --tables")
    else:
        np.save(options.output, np.float32(features(np.load(options.sound))))


if __name__ == "__main__":
    main()
