"""Models in other formats, told from damaged ONNX files by what they begin with."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

# joblib's compressed pickles: zlib, gzip, LZMA, xz and bz2.
_COMPRESSED = (
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x1f\x8b",
    b"\x5d\x00",
    b"\xfd7zXZ",
    b"BZh",
)
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Format:
    """A format that is not ONNX.

    Args:
        name: what a message calls it.
        fix: how to make ONNX of it.
    """

    name: str
    fix: str


_KERAS_FIX = "export it: `model.export('model.onnx', format='onnx')` in Keras 3.10 or later, or with tf2onnx"
_TORCH_FIX = (
    "load it in PyTorch and export it: "
    "`torch.onnx.export(model.eval(), example_inputs, 'model.onnx', opset_version=18)`"
)
TFLITE = Format(
    "a TensorFlow Lite model",
    "give its file the suffix .tflite: mcuq reads it",
)
KERAS = Format("a Keras model", _KERAS_FIX)
TORCH = Format("a PyTorch model", _TORCH_FIX)
SKLEARN = Format(
    "a pickled scikit-learn model",
    "load it and convert it: `skl2onnx.to_onnx(model, X[:1].astype('float32'), options={'zipmap': False})`",
)
PICKLE = Format(
    "a pickled Python object",
    "load it where it was made and export its model: a PyTorch module with `torch.onnx.export(model.eval(), "
    "example_inputs, 'model.onnx', opset_version=18)`, a scikit-learn model with `skl2onnx.to_onnx(model, "
    "X[:1].astype('float32'), options={'zipmap': False})`",
)
SAFETENSORS = Format(
    "a safetensors file, which holds weights without a network",
    "load the weights into their network and export that: for PyTorch `torch.onnx.export(model.eval(), "
    "example_inputs, 'model.onnx', opset_version=18)`",
)
SAVED_MODEL = Format(
    "a TensorFlow SavedModel",
    "convert its folder: `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx --opset 18`",
)


def recognize_folder(path: Path) -> Format | None:
    """The format of a folder that was given for a model, None if unknown."""
    return SAVED_MODEL if (path / "saved_model.pb").is_file() else None


def recognize(data: bytes, file: str) -> Format | None:
    """The format of a file that was given for a model, None for ONNX and for what is unknown.

    Args:
        data: its bytes.
        file: its name.
    """
    if data[4:8] == b"TFL3" and data[2:4] == b"\0\0":  # a flat buffer: an offset, then the identifier
        return TFLITE
    if data.startswith(_HDF5):
        return KERAS
    if data.startswith(_ZIP):
        return _recognize_archive(data)
    # A pickle of protocol 2 to 5 ends with a full stop; in an ONNX file the first byte is a field's number.
    if data[:1] == b"\x80" and data[1:2] in b"\x02\x03\x04\x05" and len(data) > 2:
        return _recognize_pickle(data)
    if Path(file).suffix == ".joblib" and data.startswith(_COMPRESSED):
        return SKLEARN
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") in range(
        2, len(data) - 7
    ):  # the header's length
        return SAFETENSORS
    return SAVED_MODEL if file == "saved_model.pb" else None


def _recognize_pickle(data: bytes) -> Format:
    if b"sklearn" in data:
        return SKLEARN
    return TORCH if b"torch" in data else PICKLE


def _recognize_archive(data: bytes) -> Format | None:
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    if "config.json" in names and any(name.endswith(".h5") for name in names):
        return KERAS
    is_torch = any(name.endswith(("/data.pkl", "/constants.pkl", "/archive_format")) for name in names)
    return TORCH if is_torch else None
