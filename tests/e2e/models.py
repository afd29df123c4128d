"""The models of the end-to-end tests with their data: digits, and the MLPerf Tiny pack where it is."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.pipeline.build import BuildResult, build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.ports import quantize_inputs
from tests.conftest import EXAMPLE
from tests.shared_data import shared_file

CALIBRATION_SAMPLES = 128


@dataclasses.dataclass(frozen=True)
class Case:
    """A model and the name of its data.

    Args:
        model: below the shared pack, or the digits example.
        data: of the pack, or "digits".
        port: the name of its input.
        is_channels_first: the export's layout; the data is channels last.
    """

    model: str
    data: str
    port: str
    is_channels_first: bool = False

    @property
    def path(self) -> Path:
        """The model file; skips the test where the pack is not there."""
        return (
            EXAMPLE / "model.onnx"
            if self.data == "digits"
            else shared_file(f"mlperf_tiny/models/{self.model}.onnx")
        )


CASES = {
    "digits": Case("model", "digits", "image"),
    "kws": Case("kws_dscnn", "kws", "input"),
    "kws_nchw": Case("kws_dscnn_nchw", "kws", "input", True),
    "ic": Case("ic_resnet8", "ic", "input"),
    "ic_nchw": Case("ic_resnet8_nchw", "ic", "input", True),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Real values `[n, *model shape]`; labels of the evaluation half."""

    calibration: np.ndarray
    evaluation: np.ndarray
    labels: np.ndarray


# Too long for every test of real models.
OTHERS = {"vww": Case("vww_mobilenetv1", "vww", "input")}


@functools.cache
def load_data(name: str) -> Data:
    """Channels last, with a batch axis of 1."""
    if name == "digits":
        arrays = [np.load(EXAMPLE / f"{each}.npy") for each in ("calibration", "test_images", "test_labels")]
        shape = (1, 1, 8, 8)
        return Data(arrays[0].reshape(-1, *shape), arrays[1].reshape(-1, *shape), arrays[2])
    with np.load(shared_file(f"mlperf_tiny/data/{name}.npz")) as pack:
        zero, scale = np.float32(pack["float_zero_point"]), pack["float_scale"]
        real = {key: (pack[key].astype(np.float32) - zero) * scale for key in ("cal_x", "eval_x")}
        return Data(real["cal_x"][:, None], real["eval_x"][:, None], pack["eval_y"])


def arrange(case: Case, values: np.ndarray) -> np.ndarray:
    """The values in the model's layout."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 2)) if case.is_channels_first else values


@dataclasses.dataclass(frozen=True, eq=False)
class Built:
    """A model built without verification, and the codes of its evaluation half."""

    case: Case
    result: BuildResult
    codes: tuple[np.ndarray, ...]
    labels: np.ndarray


def build_case(name: str, folder: Path, target: str = "cortex-m4") -> Built:
    """Build with 128 calibration samples."""
    case = {**CASES, **OTHERS}[name]
    model, data = case.path, load_data(case.data)
    samples = Samples.from_arrays({case.port: arrange(case, data.calibration)})
    assert len(samples) >= CALIBRATION_SAMPLES
    result = build(
        model,
        target,
        calibration=CalibrationData(samples),
        output=folder / name,
        name=name,
        verify="none",
    )
    evaluation = {case.port: arrange(case, data.evaluation)}
    return Built(case, result, quantize_inputs(result.plan.program, evaluation), data.labels)
