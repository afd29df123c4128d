"""Tensors of the file as arrays: sizes, external data and finiteness are checked before anything is read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from mcuq.ir.types import Array, freeze
from mcuq.onnxio.refusal import Refused, quoted

# 64 Mi elements: 64 MB of int8 weights, more than any microcontroller has.
MAX_ELEMS = 1 << 26

EXPORT_INSIDE = "export the model with its weights inside the file"


def to_array(tensor: onnx.TensorProto, folder: Path) -> Array:
    """The values of a stored tensor, read-only.

    Args:
        tensor: as stored.
        folder: the folder of the model, where external data must be.

    Raises:
        Refused: M002 damaged, M004 not numeric, M005 not finite, M008 external data, M011 too large.
    """
    name = quoted(str(tensor.name))
    shape = tuple(int(size) for size in tensor.dims)
    if any(size < 0 for size in shape):
        raise Refused("M002", f"tensor {name} has shape {shape}", "export the model again")
    if math.prod(shape) > MAX_ELEMS:
        raise Refused(
            "M011",
            f"tensor {name} of shape {shape} has more than {MAX_ELEMS:_} elements",
            "compile a smaller model",
        )
    if tensor.data_type == onnx.TensorProto.STRING:
        raise Refused("M004", f"tensor {name} holds text", "compile a model without text")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor = _with_external_data(tensor, folder)
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Refused(
            "M002", f"tensor {name} of shape {shape} is damaged: {error}", "export the model again"
        ) from error
    check_finite(array, str(tensor.name))
    return freeze(array)


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN anywhere and infinity in anything but a scalar, which may be the limit of a Clip.

    Raises:
        Refused: M005.
    """
    if array.dtype.kind != "f":
        return
    bad = np.isnan(array) if array.size == 1 else ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise Refused(
            "M005",
            f"tensor {quoted(name)} has {int(bad.sum())} of {array.size} values NaN or infinite, "
            f"the first at {list(first)}",
            "train or export the model again; its outputs are not finite either",
        )


def _with_external_data(tensor: onnx.TensorProto, folder: Path) -> onnx.TensorProto:
    """The tensor with its bytes inside, read from a file in the model's folder."""
    name = quoted(str(tensor.name))
    facts = {str(entry.key): str(entry.value) for entry in tensor.external_data}
    location = facts.get("location", "")
    path = _inside(location, folder, name)
    try:
        offset, size = int(facts.get("offset", "0")), path.stat().st_size
        length = int(facts["length"]) if "length" in facts else size - offset
    except (ValueError, OSError) as error:
        raise Refused("M008", f"tensor {name}: {error}", EXPORT_INSIDE) from error
    if offset < 0 or length < 0 or offset + length > size:
        raise Refused(
            "M008",
            f"tensor {name} is bytes {offset} to {offset + length} of {quoted(location)}, "
            f"which has {size} bytes",
            EXPORT_INSIDE,
        )
    needed = math.prod(tensor.dims) * _itemsize(tensor)
    if length != needed:
        raise Refused(
            "M008", f"tensor {name} needs {needed} bytes, {quoted(location)} gives {length}", EXPORT_INSIDE
        )
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(length)
    copy = onnx.TensorProto()
    copy.name, copy.data_type, copy.raw_data = tensor.name, tensor.data_type, data
    copy.dims.extend(tensor.dims)
    return copy


def _inside(location: str, folder: Path, name: str) -> Path:
    """The file that external data names, proved to be in the model's folder."""
    root = folder.resolve()
    try:
        path = (root / location).resolve()
        found = bool(location) and path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        found = False
    if not found:
        raise Refused(
            "M008",
            f"tensor {name} is in {quoted(location)}, which is no file in the model's folder",
            f"put the file beside the model, or {EXPORT_INSIDE}",
        )
    return path


def _itemsize(tensor: onnx.TensorProto) -> int:
    try:
        return int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, ValueError, TypeError) as error:
        raise Refused(
            "M002", f"tensor {quoted(str(tensor.name))} has data type {tensor.data_type}", "export it again"
        ) from error
