"""mcuq's own encodings: exact floats, every activation and every layer's weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from mcuq.ir.program import RangeSource
from mcuq.quantize.interchange.entries import (
    Bad,
    Entry,
    File,
    Json,
    Role,
    as_dict,
    as_int,
    as_list,
    as_text,
    make_entry,
    member,
    unsupported,
)

FORMAT = "mcuq-encodings-1"


def read_own(file: File, document: dict[str, Json]) -> None:
    """Read all entries of a document of this format."""
    try:
        file.ranges = RangeSource(member(document, "ranges"))
    except ValueError:
        raise Bad(f"its ranges are {document['ranges']!r}") from None
    options = as_dict(member(document, "options"), "options")
    file.recorded = tuple((key, as_text(value, f"option {key!r}")) for key, value in sorted(options.items()))
    for key, role in (("activations", "activation"), ("weights", "layer")):
        for name, data in as_dict(member(document, key), key).items():
            try:
                file.entries.append(_entry(name, "layer" if role == "layer" else "activation", data))
            except Bad as bad:
                file.refuse(bad, name)


def _entry(name: str, role: Role, data: Json) -> Entry:
    entry = as_dict(data, "an encoding")
    dtype = as_text(member(entry, "dtype"), "dtype")
    if dtype != "int8":
        raise unsupported(f"its dtype is {dtype}")
    if role == "activation":
        zero_point = as_int(member(entry, "zero_point"), "zero_point")
        return make_entry(name, role, [_exact(member(entry, "scale"))], [zero_point])
    scales = [_exact(each) for each in as_list(member(entry, "scales"), "scales")]
    axis = entry.get("axis")
    if axis not in (None, 0):
        raise unsupported(
            f"its axis is {axis!r}", "scales of weights lie along their output channels, axis 0"
        )
    found = make_entry(name, role, scales, [0] * len(scales), axis=0 if len(scales) > 1 else None)
    # mcuq's own weights leave the code -128 out.
    return dataclasses.replace(found, limits=(-127, 127))


def _exact(value: Json) -> float:
    try:
        return float.fromhex(as_text(value, "a scale"))
    except (ValueError, OverflowError):
        raise Bad(f"scale {value!r} is no hexadecimal float") from None


def own_text(
    origin: Mapping[str, object],
    activations: Mapping[str, tuple[float, int]],
    weights: Mapping[str, tuple[str, tuple[float, ...]]],
) -> str:
    """A document of this format: deterministic, one line per tensor, floats exact as hexadecimal text.

    Args:
        origin: what the parameters are from.
        activations: scale and zero point by tensor.
        weights: the layer's name and its scales, by the tensor that the layer computes.
    """
    head = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in origin.items())
    rows: dict[str, dict[str, dict[str, object]]] = {
        "activations": {
            name: {"dtype": "int8", "scale": scale.hex(), "zero_point": zero_point, "value": scale}
            for name, (scale, zero_point) in activations.items()
        },
        "weights": {
            name: {
                "layer": layer,
                "dtype": "int8",
                "axis": 0 if len(scales) > 1 else None,
                "scales": [scale.hex() for scale in scales],
            }
            for name, (layer, scales) in weights.items()
        },
    }
    parts = [
        f"{json.dumps(key)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in table.items())
        + "\n }"
        for key, table in rows.items()
    ]
    body = ",\n ".join(parts)
    return f'{{"format": {json.dumps(FORMAT)},\n {head},\n {body}}}\n'
