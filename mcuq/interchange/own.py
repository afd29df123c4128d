"""mcuq's own encodings: exact floats, every activation and every layer's weights."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping

from mcuq.interchange.entries import (
    Bad,
    Entry,
    File,
    Role,
    as_dict,
    as_int,
    as_list,
    as_text,
    make_entry,
    member,
    unsupported,
)
from mcuq.interchange.program import LayerScales
from mcuq.ir.codec import Json
from mcuq.ir.program import RangeSource, SeenTensor
from mcuq.ir.types import QuantParams

FORMAT = "mcuq-encodings-1"
# What calibration saw of a tensor; see `mcuq.ir.program.SeenTensor`.
_SEEN = tuple(field.name for field in dataclasses.fields(SeenTensor) if field.name != "name")


def read_own(file: File, document: dict[str, Json]) -> None:
    """Read all entries of a document of this format."""
    try:
        file.ranges = RangeSource(member(document, "ranges"))
    except ValueError:
        raise Bad(f"its ranges are {document['ranges']!r}") from None
    options = as_dict(member(document, "options"), "options")
    file.recorded = tuple((key, as_text(value, f"option {key!r}")) for key, value in sorted(options.items()))
    roles: tuple[tuple[str, Role], ...] = (("activations", "activation"), ("weights", "layer"))
    for key, role in roles:
        for name, data in as_dict(member(document, key), key).items():
            try:
                file.entries.append(_entry(name, role, data))
            except Bad as bad:
                file.refuse(bad, name)
    seen = as_dict(document.get("seen", {}), "seen")
    file.seen = tuple(_seen(name, as_dict(data, "what was seen")) for name, data in seen.items())


def _entry(name: str, role: Role, data: Json) -> Entry:
    entry = as_dict(data, "an encoding")
    dtype = as_text(member(entry, "dtype"), "dtype")
    if dtype not in ("int8", "int4" if role == "layer" else "int16"):
        raise unsupported(f"its dtype is {dtype}")
    if role == "activation":
        zero_point = as_int(member(entry, "zero_point"), "zero_point")
        bits = 16 if dtype == "int16" else 8
        return make_entry(name, role, [_exact(member(entry, "scale"))], [zero_point], bits=bits)
    scales = [None if each is None else _exact(each) for each in as_list(member(entry, "scales"), "scales")]
    axis = entry.get("axis")
    if axis not in (None, 0):
        raise unsupported(
            f"its axis is {axis!r}", "scales of weights lie along their output channels, axis 0"
        )
    # A channel without a scale is mcuq's to choose.
    found = make_entry(name, role, [1.0 if each is None else each for each in scales], [0] * len(scales))
    scale = tuple(
        math.nan if each is None else rounded for each, rounded in zip(scales, found.scale, strict=True)
    )
    # mcuq's own weights leave the smallest code out.
    bits, largest = (4, 7) if dtype == "int4" else (8, 127)
    return dataclasses.replace(found, scale=scale, limits=(-largest, largest), bits=bits)


def _seen(name: str, data: dict[str, Json]) -> SeenTensor:
    try:
        return SeenTensor(name, *(_exact(member(data, key)) for key in _SEEN))
    except ValueError as error:
        raise Bad(f"what was seen of {name!r} {error}") from None


def _exact(value: Json) -> float:
    try:
        return float.fromhex(as_text(value, "a scale"))
    except (ValueError, OverflowError):
        raise Bad(f"scale {value!r} is no hexadecimal float") from None


def own_text(
    origin: Mapping[str, object],
    activations: Mapping[str, QuantParams],
    layers: Iterable[LayerScales],
    seen: Iterable[SeenTensor],
    program: str,
) -> str:
    """A document of this format: deterministic, one line per tensor, floats exact as hexadecimal text.

    Args:
        origin: what the parameters are from.
        activations: by tensor.
        layers: the scales of their weights; they go by the tensor that the layer computes.
        seen: what calibration saw.
        program: the program itself, as base64 text.
    """
    head = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in origin.items())
    rows: dict[str, dict[str, dict[str, object]]] = {
        "activations": {
            name: {
                "dtype": quant.dtype.value,
                "scale": quant.step.hex(),
                "zero_point": quant.zero_point,
                "value": quant.step,
            }
            for name, quant in activations.items()
        },
        "weights": {
            each.output: {
                "layer": each.layer,
                "dtype": f"int{each.bits}",
                "axis": 0,
                "scales": [None if math.isnan(scale) else scale.hex() for scale in each.known],
            }
            for each in layers
        },
        "seen": {each.name: {key: float(getattr(each, key)).hex() for key in _SEEN} for each in seen},
    }
    parts = [
        f"{json.dumps(key)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in table.items())
        + "\n }"
        for key, table in rows.items()
    ]
    body = ",\n ".join((*parts, f'"program": {json.dumps(program)}'))
    return f'{{"format": {json.dumps(FORMAT)},\n {head},\n {body}}}\n'
