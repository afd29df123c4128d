"""Inputs of integers: which are indices or codes as they come, and which are numbers like any others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import onnx

from mcuq.ir.graph import Graph, Node, Port
from mcuq.ir.op import RangeRule
from mcuq.ir.traits import LookupOp
from mcuq.ir.types import DType, QuantParams, WholeNumbers
from mcuq.onnxio.refusal import Problems, quoted

_TYPES = onnx.TensorProto
# Numbers that int8 codes hold one by one.
_NARROW = {
    _TYPES.BOOL: WholeNumbers(0, 1, QuantParams((1.0,), 0, DType.INT8)),
    _TYPES.INT8: WholeNumbers(-128, 127, QuantParams((1.0,), 0, DType.INT8)),
    _TYPES.UINT8: WholeNumbers(0, 255, QuantParams((1.0,), -128, DType.INT8)),
}
# The largest numbers of types that hold fewer than tables have rows.
_LARGEST = {_TYPES.BOOL: 1, _TYPES.INT8: 127, _TYPES.UINT8: 255, _TYPES.INT16: 32767, _TYPES.UINT16: 65535}
INTEGER_TYPES = (
    *(_TYPES.INT8, _TYPES.INT16, _TYPES.INT32, _TYPES.INT64),
    *(_TYPES.UINT8, _TYPES.UINT16, _TYPES.UINT32, _TYPES.UINT64),
)
# Tables of up to so many rows are read by int8 indices, which may also count from the end.
_NARROW_ROWS = 128


def with_whole_inputs(graph: Graph, types: Mapping[str, int], problems: Problems) -> Graph:
    """The graph whose ports say which inputs hold integers.

    An input that chooses rows of tables is of indices: int8 where all tables have up to 128 rows or the file
    says int8, else int32.
    One of bool, int8 or uint8 has its numbers as codes; so has one that is only compared with numbers, in
    int32. Others are numbers whose range is measured.

    Args:
        graph: stage FLOAT.
        types: data types of the file by input.
        problems: gets M004 for an input that is an index and a number.
    """
    ports = [_with_whole(graph, port, types[port.name], problems) for port in graph.inputs]
    return dataclasses.replace(graph, inputs=tuple(ports))


def _with_whole(graph: Graph, port: Port, kind: int, problems: Problems) -> Port:
    uses = list(_uses(graph, port.tensor))
    rows = [each for each in (_rows(graph, node, at) for node, at in uses) if each is not None]
    numbers = [node for node, _ in uses if DType.INT32 not in node.op.takes and not node.op.own_inputs]
    if not rows:
        whole = _NARROW.get(kind)
        if whole is None and kind in INTEGER_TYPES and uses and not numbers:
            whole = WholeNumbers(0, DType.INT8.qmax, QuantParams((1.0,), 0, DType.INT32))
        return dataclasses.replace(port, whole=whole)
    if numbers:
        problems.add(
            "M004",
            "an input is an index and a number",
            f"input {quoted(port.name)}",
            f"it chooses rows of a table, and node {quoted(numbers[0].name)} calculates with it",
            "give the model two inputs",
        )
    largest = _LARGEST.get(kind, min(rows))
    dtype = DType.INT8 if max(rows) <= _NARROW_ROWS or largest <= DType.INT8.qmax else DType.INT32
    whole = WholeNumbers(0, min(*rows, largest + 1) - 1, QuantParams((1.0,), 0, dtype))
    return dataclasses.replace(port, whole=whole)


def _rows(graph: Graph, node: Node, position: int) -> int | None:
    """How many rows an input of a node chooses from, None where it is no index."""
    if not isinstance(node.op, LookupOp) or position not in node.op.own_inputs:
        return None
    return node.op.rows(graph.tensors[node.inputs[0]].shape)


def _uses(graph: Graph, tensor: str) -> Iterator[tuple[Node, int]]:
    """What reads a tensor or moves of it, and at which input."""
    waiting, seen = [tensor], {tensor}
    while waiting:
        name = waiting.pop()
        for node in graph.consumers(name):
            for position, each in enumerate(node.inputs):
                if each != name:
                    continue
                if position == 0 and node.rule(node.output) is RangeRule.SHARED:
                    if node.output not in seen:
                        seen.add(node.output)
                        waiting.append(node.output)
                else:
                    yield node, position
