"""A network small enough to be compiled many times, and data for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.options import QuantOptions
from mcuq.pipeline.calibration import CalibrationData
from mcuq.tune.database import Answer
from mcuq.tune.moves import MoveSet
from tests.small_models import Net, save

# A base that tails hurt, so that other methods gain.
OPTIONS = QuantOptions(method="minmax", weight_rounding="nearest", equalize="off", samples=24)


def small_model(folder: Path) -> Path:
    """Two convolutions, a skip connection, a classifier and a softmax."""
    net = Net(x=(1, 3, 6, 6))
    stem = net.add("Relu", net.conv("x", 3, 8, (3, 3), pads=(1, 1, 1, 1), name="stem"), outputs=["a"])
    inner = net.add("Relu", net.conv(stem, 8, 8, (1, 1), name="inner"), outputs=["b"])
    joined = net.add("Add", stem, inner, outputs=["sum"])
    pooled = net.add("GlobalAveragePool", joined)
    flat = net.add("Flatten", pooled)
    weights = net.const(net.rng.normal(size=(8, 5)))
    logits = net.add("Gemm", flat, weights, net.const(net.rng.normal(size=5)), outputs=["logits"])
    return save(net.model(net.add("Softmax", logits, outputs=["y"]), shape=(1, 5)), folder)


def small_data(folder: Path, count: int = 64) -> Path:
    """Samples with a long tail, so that methods differ."""
    path = folder / "x.npy"
    np.save(path, np.random.default_rng(3).standard_t(4, (count, 3, 6, 6)).astype(np.float32))
    return path


def calibration(folder: Path, count: int = 64) -> CalibrationData:
    return CalibrationData(Samples.from_arrays({"x": np.load(small_data(folder, count))}))


def name_moves(study: Mapping[str, str], candidate: MoveSet) -> Answer:
    """Stands for an evaluation; in processes of their own it is found by its name."""
    time.sleep(0.05)
    return Answer(None, f"{study['name']}: {candidate[0]}")
