"""From bytes to the tensors and operators of a file, each proved to lie inside it."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from mcuq.errors import McuqError, fail
from mcuq.ir.types import Array
from mcuq.onnxio.load import MAX_NODES
from mcuq.onnxio.names import Names
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.tflite.node import WITHOUT_OUTPUT, TfliteNode
from mcuq.tflite.schema import SCHEMA_ERRORS, SchemaTable, enum_names, schema
from mcuq.tflite.tensor import TfliteTensor

FILE_IDENTIFIER = b"TFL3"
_MOST_TENSORS = 4 * MAX_NODES
_MOST_AXES = 8
_MOST_INPUTS = 1 << 12
_MOST_GRAPHS = 16
# Scales of all tensors together, and bytes of all names: small tables may share large vectors.
_MOST_SCALES = 1 << 22
_MOST_CHARACTERS = 1 << 24


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TfliteSource:
    """A graph of a file.

    Args:
        file: its name, for messages.
        nodes: in the order of the file, which is the one they run in.
        inputs: what the model takes.
        outputs: what it gives.
        others: of the first graph those behind it, which it calls once.
    """

    file: str
    nodes: tuple[TfliteNode, ...]
    inputs: tuple[TfliteTensor, ...]
    outputs: tuple[TfliteTensor, ...]
    others: tuple[TfliteSource, ...] = ()


class _Damaged(Exception):
    """A number in the file means nothing; the message says which."""


def load_tflite(data: bytes, file: str) -> TfliteSource:
    """Parse a file.

    Args:
        data: its bytes.
        file: its name.

    Raises:
        McuqError: M001 where it is no such file or damaged, M004 for several subgraphs, M011.
    """
    if data[4:8] != FILE_IDENTIFIER:
        raise _unreadable(file, "it has no identifier TFL3", "check that it was exported as TensorFlow Lite")
    try:
        model = schema().Model.GetRootAs(data, 0)
        count = model.SubgraphsLength()
        if 1 <= count <= _MOST_GRAPHS:
            source, *others = (_Loader(data, model, file, index).load() for index in range(count))
            if set(range(1, count)) <= _called_once(source):
                return dataclasses.replace(source, others=tuple(others))
    except _Damaged as error:
        raise _unreadable(file, str(error)) from error
    except SCHEMA_ERRORS as error:
        why = f"its {len(data)} bytes do not parse ({error}): the file is damaged or cut short"
        raise _unreadable(file, why) from error
    raise fail(
        "M004",
        "the model is no single graph",
        where=file,
        why=f"it has {count} subgraphs, as control flow and signatures make them",
        fix="convert one function without loops and branches",
    )


def _called_once(source: TfliteSource) -> set[int]:
    """The graphs that CALL_ONCE names."""
    found = set()
    for node in source.nodes:
        if node.kind == "CALL_ONCE":
            with contextlib.suppress(Refused):
                found.add(node.integer("CallOnceOptions", "InitSubgraphIndex"))
    return found


def _unreadable(file: str, why: str, fix: str = "copy or convert it again") -> McuqError:
    title = f"{quoted(file)} is not a readable TensorFlow Lite model"
    return fail("M001", title, where=file, why=why, fix=fix)


def _most(count: int, limit: int, what: str) -> int:
    if not 0 <= count <= limit:
        raise _Damaged(f"it has {count} {what}, the limit is {limit:_}")
    return count


def _vector(table: SchemaTable, field: str, limit: int) -> Array:
    """A vector of numbers, empty where it is left out."""
    count = _most(getattr(table, f"{field}Length")(), limit, f"{field} of one table")
    return np.asarray(getattr(table, f"{field}AsNumpy")()) if count else np.zeros(0, np.int64)


class _Loader:
    """Reads one file.

    Args:
        data: its bytes.
        model: its root table.
        file: its name.
        index: of the graph.
    """

    def __init__(self, data: bytes, model: SchemaTable, file: str, index: int) -> None:
        self.data, self.model, self.file = data, model, file
        self.graph = model.Subgraphs(index)
        self.names = Names()
        self.scales_left, self.characters_left = _MOST_SCALES, _MOST_CHARACTERS

    def load(self) -> TfliteSource:
        count = _most(self.graph.TensorsLength(), _MOST_TENSORS, "tensors")
        tensors = [self._tensor(index, self.graph.Tensors(index)) for index in range(count)]
        kinds = self._kinds()
        count = _most(self.graph.OperatorsLength(), MAX_NODES, "operators")
        nodes = tuple(self._node(index, kinds, tensors) for index in range(count))
        inputs, outputs = (
            tuple(_pick(tensors, int(index)) for index in _vector(self.graph, field, _MOST_INPUTS))
            for field in ("Inputs", "Outputs")
        )
        return TfliteSource(self.file, nodes, inputs, outputs)

    def _tensor(self, index: int, table: SchemaTable) -> TfliteTensor:
        raw = table.Name() or b""
        self.characters_left -= len(raw)
        if self.characters_left < 0:
            raise _Damaged("its names are absurdly long")
        kind = enum_names("TensorType").get(table.Type())
        if kind is None:
            raise _Damaged(f"tensor {index} has type {table.Type()}")
        shape = tuple(int(size) for size in _vector(table, "Shape", _MOST_AXES))
        signature = tuple(int(size) for size in _vector(table, "ShapeSignature", _MOST_AXES))
        refusal = ""
        if any(size < 1 for size in shape) or any(size < 1 for size in signature[1:]):
            refusal = f"it has a dynamic shape: {signature or shape}"
        elif table.Sparsity() is not None:
            refusal = "it is sparse"
        name = self.names.claim(raw.decode("utf-8", "replace") or f"tensor_{index}")
        scale, zero_point, axis = self._quantization(table)
        data, is_variable = self._data(index, table), bool(table.IsVariable())
        return TfliteTensor(index, name, kind, shape, scale, zero_point, axis, data, refusal, is_variable)

    def _quantization(self, table: SchemaTable) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        found = table.Quantization()
        if found is None:
            return (), (), 0
        scale = _vector(found, "Scale", self.scales_left)
        zero_point = _vector(found, "ZeroPoint", max(len(scale), 1))
        self.scales_left -= len(scale)
        if not len(scale):
            return (), (), 0
        points = tuple(int(value) for value in zero_point) or (0,)
        if len(points) == 1:
            points *= len(scale)
        return tuple(float(value) for value in scale), points, int(found.QuantizedDimension())

    def _data(self, index: int, table: SchemaTable) -> memoryview | None:
        buffer = table.Buffer()
        if buffer == 0:
            return None
        if not 0 < buffer < self.model.BuffersLength():
            raise _Damaged(f"tensor {index} is in buffer {buffer} of {self.model.BuffersLength()}")
        found = self.model.Buffers(buffer)
        if found.DataLength() == 0:
            if found.Size() > 0:
                raise _Damaged(f"buffer {buffer} lies outside of the format, as in files beyond 2 GB")
            return None
        return memoryview(found.DataAsNumpy())

    def _kinds(self) -> list[str]:
        """What the operators that the file uses are called."""
        kinds = []
        for index in range(_most(self.model.OperatorCodesLength(), MAX_NODES, "operator codes")):
            code = self.model.OperatorCodes(index)
            # Numbers beyond 127 stand in a field of their own; the old one then says 127.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            kind = enum_names("BuiltinOperator").get(number)
            if kind is None:
                raise _Damaged(f"operator code {index} is {number}")
            if kind == "CUSTOM":
                kind = f"CUSTOM {(code.CustomCode() or b'')[:80].decode('utf-8', 'replace')}"
            kinds.append(kind)
        return kinds

    def _node(self, index: int, kinds: list[str], tensors: list[TfliteTensor]) -> TfliteNode:
        table = self.graph.Operators(index)
        code = table.OpcodeIndex()
        if not 0 <= code < len(kinds):
            raise _Damaged(f"operator {index} has code {code} of {len(kinds)}")
        inputs = [int(each) for each in _vector(table, "Inputs", _MOST_INPUTS)]
        outputs = [int(each) for each in _vector(table, "Outputs", _MOST_INPUTS)]
        if not outputs and kinds[code] not in WITHOUT_OUTPUT:
            raise _Damaged(f"operator {index} has no output")
        return TfliteNode(
            index,
            kinds[code],
            tuple(None if each == -1 else _pick(tensors, each) for each in inputs),
            tuple(_pick(tensors, each) for each in outputs),
            table,
        )


def _pick(tensors: list[TfliteTensor], index: int) -> TfliteTensor:
    if not 0 <= index < len(tensors):
        raise _Damaged(f"it names tensor {index} of {len(tensors)}")
    return tensors[index]
