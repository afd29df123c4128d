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
from mcuq.verify.library import VARIABLE

EXAMPLE = Path(__file__).resolve().parents[1] / "firmware_examples" / "digits"


@dataclasses.dataclass(frozen=True)
class Example:
    """The files of the digits example and its firmware; nobody changes them."""

    model: Path = EXAMPLE / "model.onnx"
    calibration: Path = EXAMPLE / "calibration.npy"
    images: Path = EXAMPLE / "test_images.npy"
    labels: Path = EXAMPLE / "test_labels.npy"
    firmware: Path = Path()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where CMSIS-NN is, which no package brings along in the version that firmware calls."""
    parser.addoption("--cmsis-nn", metavar="FOLDER", help="CMSIS-NN 7, with Include and Source")


@pytest.fixture(scope="session")
def cmsis_nn(request: pytest.FixtureRequest) -> Path:
    """The folder of CMSIS-NN 7; a test without it is skipped."""
    named = request.config.getoption("--cmsis-nn") or os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"neither --cmsis-nn FOLDER nor {VARIABLE} says where CMSIS-NN 7 is")
    return Path(named).resolve()


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
