"""Tensors of the file as arrays: sizes, external data and finiteness are checked before anything is read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mcuq.ir.types import Array, elem_count, freeze
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.reading.files import open_file

# 64 Mi elements: 64 MB of int8 weights, more than any microcontroller has.
MAX_ELEMS = 1 << 26

EXPORT_AGAIN = "export the model again"
EXPORT_INSIDE = "export the model with its weights inside the file"


class Budget:
    """What all constants of a file may take together; a small file can ask for much."""

    def __init__(self) -> None:
        """Start with the whole budget."""
        self._left = 2 * MAX_ELEMS

    def take(self, elems: int) -> None:
        """Take a number of elements.

        Raises:
            Refused: M011.
        """
        self._left -= elems
        if self._left < 0:
            why = f"the constants of the file have more than {2 * MAX_ELEMS:_} elements"
            raise Refused("M011", why, "compile a smaller model")


def to_array(tensor: onnx.TensorProto, folder: Path) -> Array:
    """The values of a stored tensor, read-only.

    Args:
        tensor: as stored.
        folder: the folder of the model, where external data must be.

    Raises:
        Refused: M002 damaged, M004 not numeric, M005 not finite, M008 external data, M011 too large.
    """
    name = str(tensor.name)
    shape = tuple(int(size) for size in tensor.dims)
    if any(size < 0 for size in shape):
        raise Refused("M002", f"its shape is {shape}", EXPORT_AGAIN, name)
    if elem_count(shape) > MAX_ELEMS:
        why = f"its shape is {shape}, the limit is {MAX_ELEMS:_} elements"
        raise Refused("M011", why, "compile a smaller model", name)
    if tensor.data_type == onnx.TensorProto.STRING:
        raise Refused("M004", "it holds text", "compile a model without text", name)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor = _with_external_data(tensor, folder)
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        why = f"its shape is {shape} and its data type {tensor.data_type}, but {error}"
        raise Refused("M002", why, EXPORT_AGAIN, name) from error
    check_finite(array, name)
    return freeze(array)


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN anywhere and infinity in anything but a scalar, which may be the limit of a Clip.

    Minus infinity may stand anywhere: it masks what a Softmax must not see. Who reads weights refuses it.

    Raises:
        Refused: M005.
    """
    if array.dtype.kind != "f":
        return
    bad = np.isnan(array) if array.size == 1 else np.isnan(array) | np.isposinf(array)
    if bad.any():
        first = [int(i) for i in np.argwhere(bad)[0]]
        why = f"{int(bad.sum())} of its {array.size} values are NaN or infinite, the first at {first}"
        raise Refused("M005", why, "train or export the model again", name)


def _with_external_data(tensor: onnx.TensorProto, folder: Path) -> onnx.TensorProto:
    """The tensor with its bytes inside, read from a file in the model's folder."""
    name = str(tensor.name)
    facts = {str(entry.key): str(entry.value) for entry in tensor.external_data}
    location = facts.get("location", "")
    path = _inside(location, folder, name)
    try:
        offset, size = int(facts.get("offset", "0")), path.stat().st_size
        length = int(facts["length"]) if "length" in facts else size - offset
    except (ValueError, OSError) as error:
        raise Refused("M008", f"{error}", EXPORT_INSIDE, name) from error
    needed = math.prod(tensor.dims) * _itemsize(tensor)
    why = None
    if offset < 0 or length < 0 or offset + length > size:
        why = f"it is bytes {offset} to {offset + length} of {quoted(location)}, which has {size} bytes"
    elif length != needed:
        why = f"it needs {needed} bytes, {quoted(location)} gives {length}"
    if why is not None:
        raise Refused("M008", why, EXPORT_INSIDE, name)
    with open_file(path) as file:
        file.seek(offset)
        data = file.read(length)
    copy = onnx.TensorProto()
    copy.name, copy.data_type, copy.raw_data = tensor.name, tensor.data_type, data
    copy.dims.extend(tensor.dims)
    return copy


def _inside(location: str, folder: Path, name: str) -> Path:
    """The file that external data names, proved to be in the model's folder."""
    try:
        root = folder.resolve()
        path = (root / location).resolve()
        is_found = bool(location) and path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError, RuntimeError):  # Python before 3.13 has RuntimeError for links in a circle
        is_found = False
    if not is_found:
        why = f"it is in {quoted(location)}, which is no file in the model's folder"
        raise Refused("M008", why, f"put the file beside the model, or {EXPORT_INSIDE}", name)
    return path


def _itemsize(tensor: onnx.TensorProto) -> int:
    try:
        return int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, ValueError, TypeError) as error:
        why = f"its data type is {tensor.data_type}"
        raise Refused("M002", why, EXPORT_AGAIN, str(tensor.name)) from error
