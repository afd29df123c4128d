"""What the manual says of every operator of TensorFlow Lite's schema."""

from __future__ import annotations

from mcuq.ops.tflite.registry import tflite_readers
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.schema import enum_names

_CODES = {
    Codes.EXACT: "bit for bit",
    Codes.MOVED: "bit for bit, with equal parameters of input and output",
}


def read_operators() -> list[list[str]]:
    """Of every operator that is read its name, what int8 models do with it, and the form."""
    found = sorted(tflite_readers().items())
    return [[f"`{kind}`", _on_codes(reader), reader.manual] for kind, reader in found]


def _on_codes(reader: TfliteReader) -> str:
    return _CODES.get(reader.codes) or f"refused: {reader.why}"


def unread_operators() -> list[list[str]]:
    """Of every other one, those of StableHLO as one, its name, why not, and the nearest way round."""
    builtins = enum_names("BuiltinOperator").values()
    names = {kind.split("_")[0] if kind.startswith("STABLEHLO") else kind for kind in builtins}
    rest = sorted(names - set(tflite_readers()) - {"PLACEHOLDER_FOR_GREATER_OP_CODES"})
    found = [(kind, tflite_readers().reason(kind)) for kind in rest]
    return [[f"`{kind}`", reason.why, reason.fix] for kind, reason in found]
