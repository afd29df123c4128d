"""An operator of the file with access to its options."""

from __future__ import annotations

import dataclasses
from typing import Any

from mcuq.onnxio.refusal import Refused, quoted
from mcuq.tflite.schema import SCHEMA_ERRORS, enum_names, schema
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor

# What only changes variables.
WITHOUT_OUTPUT = ("ASSIGN_VARIABLE", "CALL_ONCE")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TfliteNode:
    """One operator.

    Args:
        index: position in the file.
        kind: the schema's name; of custom operators `CUSTOM name`.
        inputs: tensors, None where an optional input is left out.
        outputs: tensors, at least one but for kinds in `WITHOUT_OUTPUT`.
        table: its stored form, for options.
    """

    index: int
    kind: str
    inputs: tuple[TfliteTensor | None, ...]
    outputs: tuple[TfliteTensor, ...]
    table: Any

    @property
    def name(self) -> str:
        """The node's name in the graph: TensorFlow Lite has none, so that of its result."""
        return self.outputs[0].name if self.outputs else f"{self.kind} {self.index}"

    @property
    def where(self) -> str:
        """The node as messages name it."""
        return f"operator #{self.index} {self.kind}, output {quoted(self.name)}"

    @property
    def output(self) -> TfliteTensor:
        """The first output."""
        return self.outputs[0]

    def input(self, index: int) -> TfliteTensor:
        """An input.

        Raises:
            Refused: M002 where it is left out.
        """
        found = self.optional_input(index)
        if found is None:
            raise Refused("M002", f"its input {index} is missing", CONVERT_AGAIN)
        return found

    def optional_input(self, index: int) -> TfliteTensor | None:
        """An input, None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def integer(self, options: str, field: str, default: int = 0) -> int:
        """A number, truth value or member of an enumeration among the options.

        Args:
            options: the schema's name of the table of options.
            field: the accessor.
            default: where the operator has no options.

        Raises:
            Refused: M002 where it has options of another operator, or the file is damaged.
        """
        found = self._option(options, field)
        return default if found is None or isinstance(found, bytes) else int(found)

    def real(self, options: str, field: str, default: float) -> float:
        """A float among the options; arguments and errors are those of `integer`."""
        found = self._option(options, field)
        return default if found is None or isinstance(found, bytes) else float(found)

    def text(self, options: str, field: str) -> str:
        """A text among the options, "" where it is left out; arguments and errors are those of `integer`."""
        found = self._option(options, field)
        return found[:1000].decode("utf-8", "replace") if isinstance(found, bytes) else ""

    def _option(self, options: str, field: str) -> int | float | bytes | None:
        try:
            kind, table = enum_names("BuiltinOptions").get(self.table.BuiltinOptionsType()), None
            if kind not in (None, "NONE"):
                table = self.table.BuiltinOptions()
            if table is None:
                return None
            if kind != options:
                raise Refused("M002", f"it has options {kind}, its own are {options}", CONVERT_AGAIN)
            found = getattr(schema(), options)()
            found.Init(table.Bytes, table.Pos)
            value: int | float | bytes = getattr(found, field)()
            return value
        except SCHEMA_ERRORS as error:
            raise Refused("M002", f"its options do not parse: {error}", CONVERT_AGAIN) from error
