"""What is measured of a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Subject:
    """An exported network with data of its own.

    Args:
        name: of the network.
        exporter: that wrote it.
        path: the ONNX file.
        input_name: its input.
        calibration: samples `[n, 1, ...]`.
        evaluation: other samples.
    """

    name: str
    exporter: str
    path: Path
    input_name: str
    calibration: NDArray[np.generic]
    evaluation: NDArray[np.generic]
