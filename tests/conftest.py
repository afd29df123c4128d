"""What many tests start from: the digits example, built once."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

# Tests run in as many processes as there are cores: products with threads of their own wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData

EXAMPLE = Path(__file__).resolve().parents[1] / "firmware_examples" / "digits"


@dataclasses.dataclass(frozen=True)
class Example:
    """The files of the digits example and its firmware; nobody changes them."""

    model: Path = EXAMPLE / "model.onnx"
    calibration: Path = EXAMPLE / "calibration.npy"
    images: Path = EXAMPLE / "test_images.npy"
    labels: Path = EXAMPLE / "test_labels.npy"
    firmware: Path = Path()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The digits example with firmware for a Cortex-M4, built without a verification."""
    example = Example(firmware=tmp_path_factory.mktemp("digits") / "digits_mcuq")
    data = CalibrationData(example.calibration)
    build(example.model, "cortex-m4", calibration=data, output=example.firmware, name="digits", verify="none")
    return example


@pytest.fixture
def firmware(digits: Example, tmp_path: Path) -> Path:
    """A copy of the digits firmware to do harm to."""
    return Path(shutil.copytree(digits.firmware, tmp_path / "digits_mcuq"))
