"""Which types the outputs of a model have."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

from mcuq.calibrate.ranges import fixed_source, measured_source
from mcuq.errors import all_of, fail
from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.op import RangeRule
from mcuq.ir.types import CODE_TYPES, DType
from mcuq.options import OutputType

# A real is an integer of a scale that is a power of two.
_TYPES: Mapping[OutputType, DType] = {"int8": DType.INT8, "int16": DType.INT16, "real": DType.INT16}


@dataclasses.dataclass(frozen=True, slots=True)
class OutputTypes:
    """What is asked of outputs, and of the tensors that they are computed as.

    Args:
        types: by port.
        binary: ports whose scale is a power of two.
        wide: measured tensors that become int16.
        narrow: measured tensors that need no more than int8, since nothing but outputs reads them.
    """

    types: Mapping[str, DType]
    binary: frozenset[str]
    wide: frozenset[str]
    narrow: frozenset[str]


def output_types(graph: Graph, asked: Mapping[str, OutputType]) -> OutputTypes:
    """The types of outputs.

    Args:
        graph: stage CANONICAL.
        asked: by name of an output; by "" of all others whose values are not indices.

    Raises:
        McuqError: O001 for outputs that the model has not, or whose values are indices, all at once.
    """
    ports = [port for port in graph.outputs if port.feeds is None]
    all_of(functools.partial(_check, graph, ports, name) for name in asked)
    types: dict[str, DType] = {}
    binary, wide, narrow = set[str](), set[str](), set[str]()
    inputs = {port.tensor for port in graph.inputs}
    for port in ports:
        kind = asked.get(port.name, asked.get(""))
        if kind is None or not _has_codes(graph, port):
            continue
        types[port.name] = _TYPES[kind]
        source = _seen_source(graph, port.tensor, _TYPES[kind])
        if kind == "real":
            binary.add(port.name)
        if source is None or source in inputs:
            continue
        if _TYPES[kind] is DType.INT16:
            wide.add(source)
        elif _is_read_by_outputs_alone(graph, source):
            narrow.add(source)
    return OutputTypes(types, frozenset(binary), frozenset(wide), frozenset(narrow - wide))


def open_outputs(graph: Graph, asked: Mapping[str, OutputType]) -> tuple[str, ...]:
    """The outputs whose type nobody asked for, without those of indices.

    Args:
        graph: stage CANONICAL.
        asked: as of `output_types`.
    """
    ports = [port for port in graph.outputs if port.feeds is None and _has_codes(graph, port)]
    return () if "" in asked else tuple(port.name for port in ports if port.name not in asked)


def _seen_source(graph: Graph, name: str, dtype: DType) -> str | None:
    """The measured tensor that an output is as fine as: its own, or what a softmax of int16 reads."""
    node = graph.producer(moved_source(graph, name))
    if dtype is DType.INT16 and node is not None and has_wide_form(node):
        return measured_source(graph, node.inputs[0])
    return measured_source(graph, name)


def has_wide_form(node: Node) -> bool:
    """Whether an operator of a fixed range has a form with an int16 output."""
    return node.op.rule() is RangeRule.FIXED and node.op.widen() is not None


def moved_source(graph: Graph, name: str) -> str:
    """The tensor whose codes another one holds, moved."""
    while (node := graph.producer(name)) is not None and node.rule(name) is RangeRule.SHARED:
        name = node.inputs[0]
    return name


def _check(graph: Graph, ports: list[Port], name: str) -> None:
    """Refuse a type for what is no output, or holds indices."""
    known = {port.name: port for port in ports}
    if not name or (name in known and _has_codes(graph, known[name])):
        return
    able = [port.name for port in ports if _has_codes(graph, port)]
    raise fail(
        "O001",
        f"the output {name!r} has no codes" if name in known else f"the model has no output {name!r}",
        where="--output-type",
        why="its values are indices, which are int32"
        if name in known
        else f"its outputs are {', '.join(map(repr, known))}",
        fix=f"name one of {', '.join(map(repr, able))}" if able else "leave the option out",
    )


def _has_codes(graph: Graph, port: Port) -> bool:
    """Whether an output's values are int8 or int16 codes, not indices."""
    fixed = fixed_source(graph, port.tensor)
    whole = [each.whole for each in graph.inputs if each.tensor == moved_source(graph, port.tensor)]
    dtypes = [each.quant.dtype for each in whole if each is not None]
    dtypes += [] if fixed is None else [fixed.dtype]
    return all(dtype in CODE_TYPES for dtype in dtypes)


def _is_read_by_outputs_alone(graph: Graph, name: str) -> bool:
    """Whether nothing but outputs reads a tensor, as it is or moved."""
    readers = graph.consumers(name)
    return all(
        node.rule(node.output) is RangeRule.SHARED and _is_read_by_outputs_alone(graph, node.output)
        for node in readers
    )
