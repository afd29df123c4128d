"""AIMET's encodings, versions 0.6.1, 1.0.0, 2.0.0 and 2.1.0.

Source: AIMET, "Encoding Format Specification".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from mcuq import __version__
from mcuq.interchange.entries import (
    Bad,
    Entry,
    File,
    Role,
    as_dict,
    as_float,
    as_floats,
    as_int,
    as_ints,
    as_list,
    as_text,
    make_entry,
    member,
    unsupported,
)
from mcuq.interchange.named import NamedConstant, NamedProgram
from mcuq.ir.codec import Json
from mcuq.ir.types import QuantParams

VERSIONS = ("0.6.1", "1.0.0", "2.0.0", "2.1.0")
_KINDS: tuple[tuple[str, Role], ...] = (
    ("activation_encodings", "activation"),
    ("param_encodings", "weights"),
)
# Type: what is added to a zero point to make it one of signed codes, and the number of bits.
_TYPES = {"int8": (0, 8), "uint8": (-128, 8), "int4": (0, 4), "uint4": (-8, 4)} | {
    "int16": (0, 16),
    "uint16": (-32768, 16),
}
# The bounds of a range and its scale are rounded separately by whoever wrote them.
_SLACK = 0.01


class Skip(Exception):
    """An entry that is left out, with the reason."""


def read_aimet(file: File, document: dict[str, Json]) -> None:
    """Read all entries of a document whose `version` is one of `VERSIONS`."""
    version = document["version"]
    if version == "0.6.1":
        _each(file, _named(document), _entry_061)
    elif version == "1.0.0":
        _each(file, _listed(document), _entry_100)
    else:
        found: list[Json] = as_list(member(document, "encodings"), "encodings")
        _each(file, (("any", _name(each), each) for each in found), _entry_200)


_Found = Iterator[tuple[Role, str, Json]]


def _each(file: File, found: _Found, read: Callable[[str, Role, Json], Entry]) -> None:
    for role, name, data in found:
        what = "weights" if role == "weights" else "activation"
        try:
            file.entries.append(read(name, role, data))
        except Skip as skip:
            file.ignore(name, what, str(skip))
        except Bad as bad:
            file.refuse(bad, name)


def _named(document: dict[str, Json]) -> _Found:
    for key, role in _KINDS:
        for name, data in as_dict(document.get(key, {}), key).items():
            yield role, name, data


def _listed(document: dict[str, Json]) -> _Found:
    for key, role in _KINDS:
        for data in as_list(document.get(key, []), key):
            yield role, _name(data), data


def _name(data: Json) -> str:
    return as_text(member(as_dict(data, "an encoding"), "name"), "name")


def _entry_061(name: str, role: Role, data: Json) -> Entry:
    """A list of one object, or of one per channel."""
    channels = [as_dict(each, "an encoding") for each in as_list(data, "its encoding")]
    if not channels:
        raise Bad("its list of encodings is empty")
    scale, zero_point = [], []
    bits = _bits(member(channels[0], "bitwidth"), "bitwidth")
    _skip_floats(as_text(channels[0].get("dtype", "int"), "dtype"), bits, role)
    for each in channels:
        if as_int(member(each, "bitwidth"), "bitwidth") != bits:
            raise unsupported("its channels have different numbers of bits")
        scale.append(as_float(member(each, "scale"), "scale"))
        offset = as_int(member(each, "offset"), "offset")
        is_symmetric = str(each.get("is_symmetric", "False")).lower() == "true"
        zero_point.append(_zero_point(offset, bits, is_symmetric))
        _check_bounds(each, scale[-1], offset, bits)
    return make_entry(name, role, scale, zero_point, bits=bits)


def _bits(value: Json, what: str) -> int:
    bits = as_int(value, what)
    if not 1 <= bits <= 32:
        raise unsupported(f"it has {bits} bits")
    return bits


def _check_bounds(data: dict[str, Json], scale: float, offset: int, bits: int) -> None:
    """The smallest value is `scale * offset`; where the file says both, they must agree."""
    if "min" not in data or "max" not in data:
        return
    low, high = (as_float(data[key], key) for key in ("min", "max"))
    steps = (1 << bits) - 1
    expected = (scale * offset, scale * (offset + steps))
    # A strictly symmetric range leaves the last code out.
    if abs(low - expected[0]) > scale * (_SLACK * steps) or abs(high - expected[1]) > scale * (
        1 + _SLACK * steps
    ):
        raise Bad(
            f"min {low:g} and max {high:g}, but scale {scale:g} and offset {offset} mean "
            f"{expected[0]:g} and {expected[1]:g}",
            "Q006",
        )


def _entry_100(name: str, role: Role, data: Json) -> Entry:
    """One object with arrays of scales and offsets."""
    entry = as_dict(data, "an encoding")
    kind = as_text(member(entry, "enc_type"), "enc_type")
    bits = _bits(member(entry, "bw"), "bw")
    _skip_floats(as_text(member(entry, "dtype"), "dtype"), bits, role)
    if kind not in ("PER_TENSOR", "PER_CHANNEL"):
        raise unsupported(f"its enc_type is {kind}")
    scale = as_floats(member(entry, "scale"), "scale")
    offsets = as_ints(member(entry, "offset"), "offset")
    if kind == "PER_TENSOR" and len(scale) != 1:
        raise Bad(f"its enc_type is PER_TENSOR, and it has {len(scale)} scales", "Q006")
    is_symmetric = bool(entry.get("is_sym", False))
    zero_point = [_zero_point(offset, bits, is_symmetric) for offset in offsets]
    return make_entry(name, role, scale, zero_point, bits=bits)


def _entry_200(name: str, role: Role, data: Json) -> Entry:
    """One object in the terms of ONNX's QuantizeLinear."""
    entry = as_dict(data, "an encoding")
    kind = as_text(member(entry, "output_dtype"), "output_dtype")
    if kind == "int32":
        raise Skip("the scale of a bias is that of input times weights")
    if kind.startswith("float"):
        raise Skip(f"the file keeps it in {kind}")
    if kind not in _TYPES or "block_size" in entry or isinstance(entry.get("y_scale"), dict):
        raise unsupported(f"it has type {kind}{' and blocks' if 'block_size' in entry else ''}")
    move, bits = _TYPES[kind]
    scale = as_floats(member(entry, "y_scale"), "y_scale")
    zero_point = [0] * len(scale)
    if entry.get("y_zero_point") is not None:
        zero_point = as_ints(entry["y_zero_point"], "y_zero_point")
    axis = None if entry.get("axis") is None else as_int(entry["axis"], "axis")
    if len(scale) > 1 and axis is None:
        raise Bad(f"it has {len(scale)} scales and no axis")
    return make_entry(name, role, scale, [zero + move for zero in zero_point], axis=axis, bits=bits)


def _skip_floats(dtype: str, bits: int, role: Role) -> None:
    if dtype.lower() == "float":
        raise Skip(f"the file keeps it in float{bits}")
    if bits == 32 and role == "weights":
        raise Skip("the scale of a bias is that of input times weights")


def _zero_point(offset: int, bits: int, is_symmetric: bool) -> int:
    """The zero point of signed codes: offsets are those of unsigned codes, with the sign turned."""
    half = 1 << (bits - 1)
    # A strictly symmetric grid has one code less, and real zero is its middle.
    return 0 if is_symmetric and offset == 1 - half else -offset - half


def aimet_text(named: NamedProgram, version: str) -> str:
    """A document of a version: activations of unsigned codes, weights of signed ones.

    Args:
        named: under the names of a file.
        version: "0.6.1", "1.0.0" or "2.0.0".
    """
    activations, constants = named.activations, named.constants.values()
    if version == "2.0.0":
        rows = [_row_200(name, quant) for name, quant in activations.items()]
        rows += [_constant_row_200(each) for each in constants]
        return _text(version, {"encodings": rows})
    if version == "1.0.0":
        listed: dict[str, object] = {
            "activation_encodings": [_activation_100(name, quant) for name, quant in activations.items()],
            "param_encodings": [_constant_100(each) for each in constants],
        }
        return _text(version, listed)
    table: dict[str, object] = {
        "activation_encodings": {
            name: [_row_061(quant.step, _offset(quant), _bits_of(quant), is_symmetric=False)]
            for name, quant in activations.items()
        },
        "param_encodings": {
            each.name: [_row_061(scale, _first(each), each.bits, is_symmetric=True) for scale in each.scale]
            for each in constants
        },
    }
    return _text(version, table)


def _text(version: str, members: dict[str, object]) -> str:
    producer = {"package": "mcuq", "version": __version__}
    return json.dumps({"producer": producer, "version": version, **members}, indent=1) + "\n"


def _offset(quant: QuantParams) -> int:
    """The smallest real value in steps; see `_zero_point`."""
    return quant.dtype.qmin - quant.zero_point


def _bits_of(quant: QuantParams) -> int:
    return 8 * quant.dtype.size_bytes(1)


def _first(constant: NamedConstant) -> int:
    """The same of weights, whose codes are signed."""
    return -1 - constant.largest


def _row_061(scale: float, offset: int, bits: int, *, is_symmetric: bool) -> dict[str, object]:
    """One channel; codes that are symmetric are signed."""
    return {
        "min": scale * offset,
        "max": scale * (offset + (1 << bits) - 1),
        "scale": scale,
        "offset": offset,
        "bitwidth": bits,
        "dtype": "int",
        "is_symmetric": str(is_symmetric),
    }


def _activation_100(name: str, quant: QuantParams) -> dict[str, object]:
    form = {"enc_type": "PER_TENSOR", "bw": _bits_of(quant), "is_sym": False}
    return {"name": name, "dtype": "INT", **form, "scale": [quant.step], "offset": [_offset(quant)]}


def _constant_100(constant: NamedConstant) -> dict[str, object]:
    form = {"enc_type": "PER_CHANNEL", "bw": constant.bits, "is_sym": True}
    offsets = [_first(constant)] * len(constant.scale)
    return {"name": constant.name, "dtype": "INT", **form, "scale": list(constant.scale), "offset": offsets}


def _row_200(name: str, quant: QuantParams) -> dict[str, object]:
    kind, zero_point = f"uint{_bits_of(quant)}", -_offset(quant)
    return {"name": name, "output_dtype": kind, "y_scale": quant.step, "y_zero_point": zero_point}


def _constant_row_200(constant: NamedConstant) -> dict[str, object]:
    kind, scale = f"int{constant.bits}", list(constant.scale)
    return {"name": constant.name, "output_dtype": kind, "y_scale": scale, "axis": constant.axis}
