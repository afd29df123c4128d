"""The one way from a model file to a graph, whatever the file's format."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from mcuq.ir.model import Model
from mcuq.ir.types import Shape
from mcuq.onnxio.load import read_bytes
from mcuq.onnxio.read import read_onnx
from mcuq.ops.onnx.registry import readers
from mcuq.ops.tflite.registry import tflite_readers
from mcuq.tflite.read import read_tflite

# What a reader is given: the file's bytes, its path (for data beside it) and shapes of inputs by name.
FormatReader = Callable[[bytes, Path, Mapping[str, Shape]], Model]


def _read_onnx(data: bytes, path: Path, input_shapes: Mapping[str, Shape]) -> Model:
    return read_onnx(data, path, input_shapes, readers())


def _read_tflite(data: bytes, path: Path, input_shapes: Mapping[str, Shape]) -> Model:
    return read_tflite(data, path, input_shapes, tflite_readers())


# By suffix, in lower case. Other suffixes are read as ONNX, which names the formats that it recognizes.
FORMAT_READERS: Mapping[str, FormatReader] = {".onnx": _read_onnx, ".tflite": _read_tflite}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A model file in memory: opened once, whatever is asked of it.

    Args:
        path: where it is; a format may keep data beside it.
        data: its bytes.
    """

    path: Path
    data: bytes = dataclasses.field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def read(self, input_shapes: Mapping[str, Shape] = MappingProxyType({})) -> Model:
        """The model; arguments and errors are those of `read`."""
        return FORMAT_READERS.get(self.path.suffix.lower(), _read_onnx)(self.data, self.path, input_shapes)


def open_model(path: Path) -> ModelFile:
    """Open a model file without parsing it.

    Raises:
        McuqError: M001 where it is a folder of another tool, M011, O012 or O014.
    """
    return ModelFile(path, read_bytes(path))


def read(path: Path, input_shapes: Mapping[str, Shape] = MappingProxyType({})) -> Model:
    """Read a model file.

    Args:
        path: an .onnx file of opset 7 or newer, quantized or not, with its external data in its folder; or a
            .tflite file of one graph, float or int8.
        input_shapes: of inputs whose shape the file leaves open, by name.

    Returns:
        The graph at Stage.FLOAT and what came with it. Spatial operators are NHWC between explicit
        transposes; constants are float32 or float64. A tensor that has a name of the file has the value the
        file gives it.

    Raises:
        McuqError: M001 to M008, M011, O001 or O012, with all the problems of one kind of check at once; Q005
            or Q006 for quantization parameters.
    """
    return open_model(path).read(input_shapes)
