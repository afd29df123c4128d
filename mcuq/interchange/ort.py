"""ONNX Runtime's calibration tables and TensorQuantOverrides, and the ranges that PPQ writes for TensorRT."""

from __future__ import annotations

import json

import numpy as np

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.interchange.entries import (
    Bad,
    Entry,
    File,
    Role,
    as_dict,
    as_float,
    as_int,
    as_list,
    as_text,
    make_entry,
    member,
    unsupported,
)
from mcuq.interchange.named import NamedProgram
from mcuq.ir.codec import Json
from mcuq.ir.types import FLOAT32_MAX, DType

# Type: what is added to a zero point to make it one of signed codes, and the number of bits.
_TYPES = {
    "QInt8": (0, 8),
    "QUInt8": (-128, 8),
    "QInt4": (0, 4),
    "QUInt4": (-8, 4),
    "QInt16": (0, 16),
    "QUInt16": (-32768, 16),
}


def is_calibration_table(document: dict[str, Json]) -> bool:
    """Whether a document is a calibration table: tensors with their smallest and largest values."""
    if document.get("CLS") == "TensorsData":
        return True
    return bool(document) and all(
        (isinstance(each, dict) and each.get("CLS") == "TensorData") or _is_pair(each)
        for each in document.values()
    )


def _is_pair(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def read_calibration_table(file: File, document: dict[str, Json], scheme: Scheme) -> None:
    """Read the ranges of a calibration table."""
    data = document
    if document.get("CLS") == "TensorsData":
        data = as_dict(member(document, "data"), "data")
    for name, value in data.items():
        try:
            file.entries.append(ranged(name, "activation", *_limits(value), scheme))
        except Bad as bad:
            file.refuse(bad, name)


def _limits(value: Json) -> tuple[float, float]:
    if isinstance(value, list):
        if len(value) != 2:
            raise Bad(f"its range has {len(value)} values", "Q005")
        return as_float(value[0], "lowest"), as_float(value[1], "highest")
    data = as_dict(value, "its range")
    return _scalar(member(data, "lowest"), "lowest"), _scalar(member(data, "highest"), "highest")


def _scalar(value: Json, what: str) -> float:
    """A number, as such or as an array of one element."""
    if isinstance(value, dict):
        value = member(value, "data")
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise unsupported(f"its {what} has {len(value)} values", "calibrate per tensor")
    return as_float(value, what)


def ranged(
    name: str, role: Role, low: float, high: float, scheme: Scheme, axis: int | None = None, bits: int = 8
) -> Entry:
    """The encoding of a range; of int16 where it has 16 bits.

    Raises:
        Bad: Q005 where it is none.
    """
    if not -FLOAT32_MAX <= low <= high <= FLOAT32_MAX:
        raise Bad(f"its range is {low:g} to {high:g}", "Q005", "calibrate again")
    quant = quant_params(Range(low, high), scheme, DType.INT16 if bits == 16 else DType.INT8)
    return make_entry(name, role, quant.scale, (quant.zero_point,), axis=axis, bits=16 if bits == 16 else 8)


def read_act_quant_info(file: File, document: dict[str, Json]) -> None:
    """Read the largest magnitudes that PPQ and TensorRT's set_dynamic_range exchange."""
    for name, value in as_dict(document["act_quant_info"], "act_quant_info").items():
        try:
            amax = as_float(value, "its range")
            file.entries.append(ranged(name, "activation", -amax, amax, Scheme.SYMMETRIC))
        except Bad as bad:
            file.refuse(bad, name)


def is_overrides(document: dict[str, Json]) -> bool:
    """Whether a document maps names to lists of objects, as TensorQuantOverrides does."""
    return bool(document) and all(
        isinstance(each, list) and all(isinstance(item, dict) for item in each) for each in document.values()
    )


def read_overrides(file: File, document: dict[str, Json], scheme: Scheme) -> None:
    """Read TensorQuantOverrides: scale and zero point, or rmin and rmax, per tensor or per channel."""
    for name, value in document.items():
        try:
            channels = [as_dict(each, "an override") for each in as_list(value, "its overrides")]
            entry = _override(name, channels, scheme)
            if entry is None:
                file.ignore(name, "activation", "it has neither a scale nor a range")
            else:
                file.entries.append(entry)
        except Bad as bad:
            file.refuse(bad, name)


def _override(name: str, channels: list[dict[str, Json]], scheme: Scheme) -> Entry | None:
    if not channels or not any({"scale", "zero_point", "rmin", "rmax"} & each.keys() for each in channels):
        return None
    first = channels[0]
    axis = as_int(first["axis"], "axis") if "axis" in first else None
    if len(channels) > 1 and axis is None:
        raise Bad(f"it has {len(channels)} channels and no axis")
    kind = as_text(first.get("quant_type", "QInt8"), "quant_type").removeprefix("QuantType.")
    if kind not in _TYPES:
        raise unsupported(f"its quant_type is {kind}")
    if "convert" in first:
        raise unsupported("it converts to a second type", "give the tensor one type")
    move, bits = _TYPES[kind]
    if first.get("symmetric", False):
        scheme = Scheme.SYMMETRIC
    scale: list[float] = []
    zero_point: list[int] = []
    for each in channels:
        if "scale" in each or "zero_point" in each:
            scale.append(as_float(member(each, "scale"), "scale"))
            zero_point.append(as_int(member(each, "zero_point"), "zero_point") + move)
        else:
            low, high = (as_float(member(each, key), key) for key in ("rmin", "rmax"))
            # Weights are symmetric, and so is int16.
            is_symmetric = axis is not None or bits == 16
            limited = ranged(name, "any", low, high, Scheme.SYMMETRIC if is_symmetric else scheme, bits=bits)
            scale.append(limited.scale[0])
            zero_point.append(limited.zero_point[0])
    return make_entry(name, "any", scale, zero_point, axis=axis, bits=bits)


def calibration_table_text(named: NamedProgram) -> str:
    """A calibration table: the real values of the smallest and the largest code of every activation.

    Args:
        named: under the names of a file.
    """
    data = {
        name: {
            "lowest": _array(quant.step * (-128 - quant.zero_point)),
            "highest": _array(quant.step * (127 - quant.zero_point)),
            "CLS": "TensorData",
        }
        for name, quant in named.activations.items()
    }
    method = {"CLS": "CalibrationMethod", "value": "CalibrationMethod.MinMax"}
    document = {"CLS": "TensorsData", "data": data, "calibration_method": method, "smooth_quant": False}
    return json.dumps(document, indent=1) + "\n"


def _array(value: float) -> dict[str, object]:
    return {"data": float(np.float32(value)), "dtype": "float32", "CLS": "numpy.array"}


def overrides_text(named: NamedProgram) -> str:
    """TensorQuantOverrides, with the names of types as text.

    Args:
        named: under the names of a file.
    """
    document: dict[str, list[dict[str, object]]] = {
        name: [
            {
                "quant_type": f"QInt{8 * quant.dtype.size_bytes(1)}",
                "scale": quant.step,
                "zero_point": quant.zero_point,
            }
        ]
        for name, quant in named.activations.items()
    }
    for name, each in named.constants.items():
        kind = f"QInt{each.bits}"
        document[name] = [{"quant_type": kind, "scale": scale, "zero_point": 0} for scale in each.scale]
        document[name][0]["axis"] = each.axis
    return json.dumps(document, indent=1) + "\n"
