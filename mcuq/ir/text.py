"""Graphs as deterministic text, one line per input, constant, node and output, and back."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import typing
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from mcuq.ir.codec import Json
from mcuq.ir.graph import Graph, Node, Port, Stage, StateTie, Tensor, make_graph
from mcuq.ir.op import Op
from mcuq.ir.types import Array, DType, QuantParams, Shape, WholeNumbers, freeze

_T = TypeVar("_T")

# Enough to see that two constants differ; not a defence against forgery.
_HASH_DIGITS = 16


def graph_to_text(graph: Graph) -> str:
    """Write a graph as text.

    Names and attributes are JSON. Constants appear by type, shape and the start of the SHA-256 of their
    little-endian bytes, in the order of their first use.

    Args:
        graph: of any stage.

    Returns:
        Lines, the last one ended.
    """
    lines = [f"graph {graph.stage.value}"]
    lines += [f"input {_port(port)} {_tensor(graph, port.tensor)}" for port in graph.inputs]
    used = dict.fromkeys(name for node in graph.nodes for name in node.inputs if name in graph.constants)
    for name in [*used, *(name for name in graph.constants if name not in used)]:
        lines.append(f"constant {_dump(name)} {_digest(graph.constants[name])} {_tensor(graph, name)}")
    for node in graph.nodes:
        inputs = " ".join(map(_dump, node.inputs))
        lines.append(
            f"node {_dump(node.name)} {node.op.kind} {_dump(_encode(node.op))} ({inputs}) -> "
            f"{_dump(node.output)} {_tensor(graph, node.output)}"
        )
        lines += [f"also {_dump(name)} {_tensor(graph, name)}" for name in node.outputs[1:]]
    for port in graph.outputs:
        lines.append(f"output {_port(port)}")
        if port.feeds is not None:
            lines.append(f"feeds {_dump(port.feeds.input)} {_dump(port.feeds.initial.tolist())}")
    return "\n".join(lines) + "\n"


def graph_from_text(text: str, constants: Mapping[str, Array], ops: Mapping[str, type[Op]]) -> Graph:
    """Read what `graph_to_text` wrote.

    Args:
        text: the lines.
        constants: the arrays of the graph by name; their hashes must be those in the text.
        ops: graph operators by kind, such as `mcuq.ops.registry.GRAPH_OPS`.

    Raises:
        ValueError: the text is not a graph, or a constant is another one; names the line.
    """
    parts = _Parts(constants, ops)
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            parts.read(_Line(line))
        except (ValueError, KeyError, TypeError, AssertionError, IndexError) as error:
            raise ValueError(f"line {number}: {error or 'malformed'}: {line[:200]}") from error
    if parts.stage is None:
        raise ValueError("line 1: expected 'graph <stage>'")
    known = {name: constants[name] for name in parts.constants}
    return make_graph(parts.stage, parts.nodes, parts.tensors, known, parts.inputs, parts.outputs)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _port(port: Port) -> str:
    text = f"{_dump(port.name)} {_dump(port.tensor)} model {_dump(port.model_shape)} perm {_dump(port.perm)}"
    if port.whole is None:
        return text
    whole, quant = port.whole, port.whole.quant
    return f"{text} whole {_dump([whole.lo, whole.hi])} {quant.dtype.value} {quant.zero_point}"


def _tensor(graph: Graph, name: str) -> str:
    tensor = graph.tensors[name]
    text = f"{tensor.dtype.value} {_dump(tensor.shape)}"
    if tensor.quant is None:
        return text
    quant = tensor.quant
    return f"{text} {quant.dtype.value} {_dump([quant.scale, quant.zero_point, quant.axis])}"


def _digest(array: Array) -> str:
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return f"{array.dtype.name}:{hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]}"


def _encode(value: object) -> object:
    """An attribute as JSON: dataclasses become objects, tuples lists, enumerations their values."""
    if dataclasses.is_dataclass(value):
        hints = typing.get_type_hints(type(value))
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        # 0 and 0.0 are one value and get one text.
        return {name: float(each) if hints[name] is float else _encode(each) for name, each in fields.items()}
    if isinstance(value, enum.Enum):
        return value.value
    return [_encode(each) for each in value] if isinstance(value, tuple) else value


def _decode(value: Json, kind: Callable[..., _T]) -> _T:
    """A dataclass of type `kind` from its JSON."""
    assert isinstance(value, dict)
    hints = typing.get_type_hints(kind)
    return kind(**{name: _decode_field(each, hints[name]) for name, each in value.items()})


def _decode_field(value: Json, hint: object) -> object:
    """A member of a dataclass: another one, one of several, a tuple of them, or a plain value."""
    if isinstance(value, dict):
        return _decode(value, _kind_of(value, hint))
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return tuple(_decode_field(each, typing.get_args(hint)[0]) for each in value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    return float(value) if hint is float and isinstance(value, int) else _tuples(value)


def _kind_of(value: dict[str, Json], hint: object) -> Callable[..., object]:
    """The dataclass that a member is; those of a union differ in the names of their members."""
    kinds: tuple[type, ...] = typing.get_args(hint) or (typing.cast(type, hint),)
    for kind in kinds:
        if len(kinds) == 1 or {each.name for each in dataclasses.fields(kind)} == value.keys():
            return kind
    raise ValueError(f"unknown members {sorted(value)}")


def _tuples(value: Json) -> object:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


class _Line:
    """Words and JSON values of one line, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = text

    def word(self) -> str:
        """The next word."""
        word, _, self.rest = self.rest.strip().partition(" ")
        return word

    def expect(self, word: str) -> None:
        """Skip a word that must stand here."""
        found = self.word()
        if found != word:
            raise ValueError(f"expected '{word}', found '{found}'")

    def value(self) -> Json:
        """The next JSON value."""
        text = self.rest.lstrip()
        value, end = json.JSONDecoder().raw_decode(text)
        self.rest = text[end:]
        return typing.cast(Json, value)

    def name(self) -> str:
        """The next name."""
        name = self.value()
        if not isinstance(name, str):
            raise ValueError(f"expected a name, found {name}")
        return name

    def ints(self) -> tuple[int, ...]:
        """The next list of integers."""
        values = _tuples(self.value())
        if not isinstance(values, tuple) or not all(isinstance(each, int) for each in values):
            raise ValueError(f"expected integers, found {values}")
        return values

    def names(self) -> tuple[str, ...]:
        """Names in parentheses."""
        if not self.rest.lstrip().startswith("("):
            raise ValueError("expected '('")
        self.rest = self.rest.lstrip()[1:]
        names = []
        while not self.rest.lstrip().startswith(")"):
            names.append(self.name())
        self.rest = self.rest.lstrip()[1:]
        return tuple(names)


class _Parts:
    """What the lines of a graph say so far."""

    def __init__(self, arrays: Mapping[str, Array], ops: Mapping[str, type[Op]]) -> None:
        self.arrays, self.ops = arrays, ops
        self.stage: Stage | None = None
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.constants: list[str] = []
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []

    def read(self, line: _Line) -> None:
        """Take in one line."""
        what = line.word()
        if what == "graph":
            self.stage = Stage(line.word())
        elif what == "input":
            port = self._read_port(line)
            self.inputs.append(port)
            self._read_tensor(line, port.tensor)
        elif what == "constant":
            self._read_constant(line)
        elif what == "node":
            name, kind = line.name(), line.word()
            op = _decode(line.value(), self.ops[kind])
            inputs = line.names()
            line.expect("->")
            output = line.name()
            self.nodes.append(Node(name, op, inputs, (output,)))
            self._read_tensor(line, output)
        elif what == "also":
            name = line.name()
            self.nodes[-1] = dataclasses.replace(self.nodes[-1], outputs=(*self.nodes[-1].outputs, name))
            self._read_tensor(line, name)
        elif what == "output":
            self.outputs.append(self._read_port(line))
        elif what == "feeds":
            tie = StateTie(line.name(), freeze(np.array(line.value(), np.float32)))
            self.outputs[-1] = dataclasses.replace(self.outputs[-1], feeds=tie)
        else:
            raise ValueError(f"unknown kind of line '{what}'")
        if line.rest.strip():
            raise ValueError(f"unexpected '{line.rest.strip()}'")

    def _read_port(self, line: _Line) -> Port:
        name, tensor = line.name(), line.name()
        line.expect("model")
        shape: Shape = line.ints()
        line.expect("perm")
        port = Port(name, tensor, shape, line.ints())
        if not line.rest.lstrip().startswith("whole "):
            return port
        line.expect("whole")
        lo, hi = line.ints()
        quant = QuantParams((1.0,), dtype=DType(line.word()), zero_point=int(line.word()))
        return dataclasses.replace(port, whole=WholeNumbers(lo, hi, quant))

    def _read_constant(self, line: _Line) -> None:
        name, digest = line.name(), line.word()
        if name not in self.arrays:
            raise ValueError(f"constant {_dump(name)} is not given")
        if _digest(self.arrays[name]) != digest:
            raise ValueError(f"constant {_dump(name)} is {_digest(self.arrays[name])}, expected {digest}")
        self.constants.append(name)
        self._read_tensor(line, name)

    def _read_tensor(self, line: _Line, name: str) -> None:
        dtype, shape, quant = DType(line.word()), line.ints(), None
        if line.rest.strip():
            code = DType(line.word())
            scale, zero_point, axis = typing.cast(
                tuple[tuple[float, ...], int, "int | None"], _tuples(line.value())
            )
            quant = QuantParams(scale, zero_point, code, axis)
        self.tensors[name] = Tensor(name, shape, dtype, quant)
