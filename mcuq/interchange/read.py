"""Encodings files: which format it is, and what its names mean in a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mcuq.calibrate.params import Scheme
from mcuq.errors import McuqError, Problem, fail
from mcuq.interchange import aimet, ort, own, ppq
from mcuq.interchange.entries import Bad, Entry, File, unsupported
from mcuq.ir.codec import Json
from mcuq.ir.encodings import ConstantEncoding, Encodings
from mcuq.ir.model import Model
from mcuq.ir.types import DType, QuantParams
from mcuq.reading.files import read_file
from mcuq.reading.text import AbsurdText, absurd, parse_json

_FORMATS = (
    "mcuq's own JSON, AIMET's encodings (0.6.1, 1.0.0, 2.0.0, 2.1.0), ONNX Runtime's calibration table "
    "(calibration.json) and TensorQuantOverrides, PPQ's native JSON and act_quant_info"
)


def read_encodings(path: Path, source: Model, scheme: Scheme) -> Encodings:
    """Read an encodings file for a model.

    Args:
        path: the file.
        source: the model that it is for.
        scheme: of ranges that the file gives instead of scales.

    Raises:
        McuqError: Q008 where it cannot be read, Q005, Q006 and Q010 for its tensors, all of them at once,
            Q009 where it belongs to another model.
    """
    document = _load(path)
    file = File(path.name)
    try:
        _dispatch(file, document, scheme)
    except Bad as bad:
        raise _unreadable(path, bad.why) from None
    entries = _unique(file)
    if file.problems:
        raise McuqError(file.problems)
    encodings = _resolve(file, entries, source)
    names = (*encodings.activations, *encodings.constants, *encodings.layers)
    if not any(name in source.graph.tensors for name in names):
        raise _foreign(path, names, source)
    return encodings


def _load(path: Path) -> dict[str, Json]:
    try:
        document = parse_json(read_file(path), _without_duplicates)
    except Bad as bad:
        raise _unreadable(path, bad.why) from None
    except AbsurdText as error:
        raise absurd(path, error) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"it is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except ValueError as error:
        raise _unreadable(path, f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise _unreadable(path, f"it holds a {type(document).__name__}, not an object")
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise Bad(f"{name!r} occurs twice in one object")
        found[name] = value
    return found


def _dispatch(file: File, document: dict[str, Json], scheme: Scheme) -> None:
    if document.get("format") == own.FORMAT:
        own.read_own(file, document)
    elif isinstance(document.get("version"), str):
        if document["version"] not in aimet.VERSIONS:
            raise Bad(f"its version is {document['version']!r}, known are {', '.join(aimet.VERSIONS)}")
        aimet.read_aimet(file, document)
    elif "act_quant_info" in document:
        ort.read_act_quant_info(file, document)
    elif ppq.is_native(document):
        ppq.read_native(file, document)
    elif ort.is_calibration_table(document):
        ort.read_calibration_table(file, document, scheme)
    elif ort.is_overrides(document):
        ort.read_overrides(file, document, scheme)
    else:
        raise Bad(f"its members are {', '.join(map(repr, list(document)[:5])) or 'none'}: no known format")


def _unique(file: File) -> Iterable[Entry]:
    """Entries by role and name; two that differ are a contradiction."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in file.entries:
        key = ("layer" if entry.role == "layer" else "tensor", entry.name)
        other = found.setdefault(key, entry)
        if (other.scale, other.zero_point, other.axis) != (entry.scale, entry.zero_point, entry.axis):
            bad = Bad(
                f"it has scale {other.scale[0]:.9g} and zero point {other.zero_point[0]}, and again scale "
                f"{entry.scale[0]:.9g} and zero point {entry.zero_point[0]}",
                "Q006",
                "give every tensor one encoding",
            )
            file.refuse(bad, entry.name)
    return found.values()


def _resolve(file: File, entries: Iterable[Entry], source: Model) -> Encodings:
    """What each name means: weights where a layer has them, else an activation."""
    activations: dict[str, QuantParams] = {}
    constants: dict[str, ConstantEncoding] = {}
    layers: dict[str, ConstantEncoding] = {}
    changes: dict[str, str] = {}
    for entry in entries:
        is_weights = entry.name in source.weight_axes or entry.role == "weights"
        if is_weights and entry.bits == 16:
            file.refuse(unsupported("it is weights and has 16 bits"), entry.name)
        elif entry.role == "layer" or is_weights:
            table = layers if entry.role == "layer" else constants
            table[entry.name] = ConstantEncoding(
                entry.scale, entry.zero_point, entry.axis, limits=entry.limits, bits=entry.bits
            )
        elif len(entry.scale) > 1:
            bad = Bad(f"it is an activation and has {len(entry.scale)} scales", "Q010", "use one scale")
            file.refuse(bad, entry.name)
        elif entry.bits == 4:
            file.refuse(unsupported(f"it is an activation and has {entry.bits} bits"), entry.name)
        else:
            dtype = DType.INT16 if entry.bits == 16 else DType.INT8
            activations[entry.name] = QuantParams(entry.scale, entry.zero_point[0], dtype)
        change = _change(entry, is_weights=entry.role == "layer" or is_weights)
        if change is not None:
            changes[entry.name] = change
    if file.problems:
        raise McuqError(file.problems)
    return Encodings(
        activations,
        constants,
        layers=layers,
        notes=tuple(file.notes),
        changes=changes,
        origin=file.label,
        ranges=file.ranges,
        recorded=file.recorded,
        seen=file.seen,
    )


def _change(entry: Entry, *, is_weights: bool) -> str | None:
    """What reading changed; codes of weights keep to the limits of the file, those of activations do not."""
    half = 1 << (entry.bits - 1)
    if is_weights or entry.limits == (-half, half - 1):
        return entry.change
    limits = f"all codes are used, in the file those from {entry.limits[0]} to {entry.limits[1]}"
    return limits if entry.change is None else f"{entry.change}; {limits}"


def _unreadable(path: Path, why: str) -> McuqError:
    return McuqError(
        Problem("Q008", "the encodings cannot be read", str(path), why, f"give one of: {_FORMATS}")
    )


def _foreign(path: Path, names: tuple[str, ...], source: Model) -> McuqError:
    own_names = [name for name in source.graph.tensors if name not in source.graph.constants]
    return fail(
        "Q009",
        "the encodings belong to another model",
        where=str(path),
        why=f"none of its {len(names)} names ({', '.join(map(repr, names[:3]))}, ...) is one of the model's "
        f"({', '.join(map(repr, own_names[:3]))}, ...)",
        fix="give the file that was written for this ONNX file; names of tensors change with every export",
    )
