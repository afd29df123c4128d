"""The real models and data that measurements run on; none of it is part of the project."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MCUQ_SHARED") or ROOT.parent / "shared")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model with its data.

    Args:
        name: its C name.
        path: the ONNX file.
        task: of the data pack, "digits", "glyphs", "vww80", or None where there is no data.
        is_nchw: whether the data, NHWC in the pack, must be transposed for it.
    """

    name: str
    path: Path
    task: str | None
    is_nchw: bool = False


def _tiny(file: str) -> Path:
    return SHARED / "mlperf_tiny" / "models" / f"{file}.onnx"


def _zoo(file: str) -> Path:
    return SHARED / "model_zoo" / f"{file}.onnx"


DIGITS = Entry("digits", ROOT / "firmware_examples/digits/model.onnx", "digits")
FOUR = (
    Entry("ic", _tiny("ic_resnet8"), "ic"),
    Entry("vww", _tiny("vww_mobilenetv1"), "vww"),
    Entry("kws", _tiny("kws_dscnn"), "kws"),
    Entry("ad", _tiny("ad_autoencoder"), "ad"),
)
SWW = Entry("sww", _tiny("sww_dscnn"), "sww")
SIX = (
    *FOUR,
    Entry("ic_nchw", _tiny("ic_resnet8_nchw"), "ic", is_nchw=True),
    Entry("kws_nchw", _tiny("kws_dscnn_nchw"), "kws", is_nchw=True),
)
ZOO = (
    Entry("mcunet_vww", _zoo("mcunet_vww_80_dq"), None),
    Entry("mltk_kws", _zoo("mltk_keyword_spotting_mobilenetv2"), None),
    Entry("micro_speech", _zoo("mltk_tflite_micro_speech"), None),
    Entry("mnist", _zoo("mnist_onnxzoo"), None),
    Entry("hello_world", _zoo("tflm_hello_world"), None),
    Entry("person_detect", _zoo("tflm_person_detect_dq"), None),
)
# Networks of other people and one of 1,000 classes, on which no default was chosen.
MCUNET = Entry("mcunet_vww", _zoo("mcunet_vww_80_dq"), "vww80")
GLYPHS = Entry("glyphs", ROOT / "build/glyphs/model.onnx", "glyphs")  # of tools/train_glyphs.py


@dataclasses.dataclass(frozen=True)
class Data:
    """Float32 samples `[n, *model shape without batch]` and labels, None where there are none."""

    cal_x: NDArray[np.float32]
    cal_y: NDArray[np.int64] | None
    eval_x: NDArray[np.float32]
    eval_y: NDArray[np.int64] | None


def pack() -> ModuleType:
    """The data pack's own reader."""
    spec = importlib.util.spec_from_file_location("mlperf_tiny_load", SHARED / "mlperf_tiny" / "load.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_data(entry: Entry) -> Data | None:
    """The calibration and evaluation data of a model in the layout it takes, None where there is none."""
    if entry.task is None:
        return None
    if entry.task in ("digits", "glyphs"):
        names = ("calibration", "calibration_labels", "test_images", "test_labels")
        if entry.task == "glyphs":
            names = ("calibration_images", *names[1:])
        return Data(*(np.load(entry.path.parent / f"{name}.npy") for name in names))
    arrays = pack().load("vww" if entry.task == "vww80" else entry.task)
    if entry.task == "vww80":
        for key in ("cal_x", "eval_x"):
            arrays[key] = _resized(arrays[key], 80)
    if entry.is_nchw:
        for key in ("cal_x", "eval_x"):
            arrays[key] = np.ascontiguousarray(arrays[key].transpose(0, 3, 1, 2))
    return Data(arrays["cal_x"], arrays.get("cal_y"), arrays["eval_x"], arrays.get("eval_y"))


def _resized(pictures: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Pictures `[n, h, w, 3]` of 0..1 at another size, bilinear, of -1..1."""
    from PIL import Image

    codes = np.rint(pictures * 255).astype(np.uint8)
    shape, linear = (size, size), Image.Resampling.BILINEAR
    resized = [np.asarray(Image.fromarray(picture).resize(shape, linear)) for picture in codes]
    return np.asarray(np.stack(resized) / 127.5 - 1, np.float32)
