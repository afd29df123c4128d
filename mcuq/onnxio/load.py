"""From a path to a checked ONNX model: parsing, versions, size, functions, sound edges."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from mcuq.errors import McuqError, fail
from mcuq.onnxio.foreign import Format, recognize, recognize_folder
from mcuq.onnxio.functions import inline_functions
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import quoted
from mcuq.onnxio.structure import check_structure
from mcuq.onnxio.subgraphs import nested_graphs, nested_nodes
from mcuq.onnxio.wire import parsed_bytes
from mcuq.reading.files import read_file

OLDEST_OPSET = 7
# Twice what all its constants may take in 8 bits; parsed, it is held a second time.
MAX_FILE_BYTES = 256 << 20
# What its fields take in memory; a file of 10 MB can hold 5 million nodes of 700 bytes.
MAX_PARSED_BYTES = 600 << 20
MAX_NODES = 50_000


@dataclasses.dataclass(frozen=True)
class Source:
    """A parsed model whose edges are sound.

    Args:
        file: the name of the file, for messages.
        folder: where its external data must be.
        opset: version of ONNX's own operators.
        graph: the graph as stored, functions inlined, inputs without those that have an initializer.
        nodes: in topological order.
        initializers: stored constants by name.
        opset_imports: as stored.
        ir_version: as stored.
    """

    file: str
    folder: Path
    opset: int
    graph: onnx.GraphProto
    nodes: tuple[OnnxNode, ...]
    initializers: dict[str, onnx.TensorProto]
    opset_imports: tuple[onnx.OperatorSetIdProto, ...]
    ir_version: int


def load_source(data: bytes, path: Path) -> Source:
    """Parse and check an ONNX file.

    Args:
        data: of `read_bytes`.
        path: of the file.

    Raises:
        McuqError: M001, M002, M004, M007 or M011.
    """
    model = _parse(data, path.name)
    opset = _check_versions(model, path.name)
    model = inline_functions(model, path.name, MAX_NODES)
    count = sum(1 for _ in nested_nodes(model.graph.node))
    if count > MAX_NODES:
        raise fail(
            "M011",
            "the graph is absurdly large",
            where=path.name,
            why=f"it has {count} nodes, the limit is {MAX_NODES}",
            fix="compile a smaller model",
        )
    nodes = check_structure(model.graph, path.name)
    _drop_defaults(model.graph)
    return Source(
        file=path.name,
        folder=path.parent,
        opset=opset,
        graph=model.graph,
        nodes=nodes,
        initializers={str(tensor.name): tensor for tensor in model.graph.initializer},
        opset_imports=tuple(model.opset_import),
        ir_version=int(model.ir_version),
    )


def _drop_defaults(graph: onnx.GraphProto) -> None:
    """Take inputs with an initializer, of whatever type, for the constants that they are unless replaced.

    Before ir_version 4 every initializer had to be an input as well; some exporters still write them so.
    """
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    if len(inputs) < len(graph.input):
        del graph.input[:]
        graph.input.extend(inputs)


def read_bytes(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        McuqError: M001 where it is a folder of another tool, M011 where it is absurdly large, O012 or O014.
    """
    found = recognize_folder(path)
    if found is not None:
        raise _foreign(path.name, found)
    try:
        return read_file(path, MAX_FILE_BYTES)
    except McuqError as error:
        if error.problems[0].code != "O015":
            raise
        raise fail(
            "M011",
            "the model file is absurdly large",
            where=path.name,
            why=error.problems[0].why,
            fix="compile a smaller model",
        ) from error


def _not_onnx(
    file: str, why: str, fix: str = "check that the file is complete and was exported as ONNX"
) -> McuqError:
    return fail("M001", f"{quoted(file)} is not a readable ONNX model", where=file, why=why, fix=fix)


def _foreign(file: str, found: Format) -> McuqError:
    return fail(
        "M001",
        f"{quoted(file)} is {found.name}, not an ONNX model",
        where=file,
        why="mcuq reads ONNX and TensorFlow Lite files",
        fix=found.fix,
    )


def _parse(data: bytes, file: str) -> onnx.ModelProto:
    """Parse; protobuf accepts some garbage, so check for what every model has."""
    if not data:
        raise _not_onnx(file, "the file is empty")
    found = recognize(data, file)
    if found is not None:
        raise _foreign(file, found)
    if parsed_bytes(data, MAX_PARSED_BYTES) > MAX_PARSED_BYTES:
        raise fail(
            "M011",
            "the model file is absurdly large",
            where=file,
            why=f"its {len(data):_} bytes hold more than {MAX_PARSED_BYTES:_} bytes of fields",
            fix="compile a smaller model",
        )
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, RecursionError, ValueError) as error:
        raise _not_onnx(
            file, f"its {len(data)} bytes do not parse: the file is damaged or cut short"
        ) from error
    if model.ir_version <= 0:
        raise _not_onnx(file, "it has no ir_version")
    if not model.HasField("graph"):
        raise _not_onnx(file, "it has no graph")
    if not model.graph.node:
        raise _not_onnx(file, "its graph has no nodes")
    if not _has_text_names(model):
        raise _not_onnx(file, "it has a name that is not text")
    if not model.opset_import:
        raise _not_onnx(file, "it names no operator set; the file may be cut short")
    return model


def _has_text_names(model: onnx.ModelProto) -> bool:
    """Whether every name is UTF-8; protobuf gives others as bytes."""
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    names = [
        value.name
        for graph in (model.graph, *nested_graphs(nodes))
        for value in (*graph.input, *graph.output, *graph.initializer)
    ]
    for node in nested_nodes(nodes):
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    for function in model.functions:
        names += [function.name, function.domain, *function.input, *function.output]
    names += [entry.domain for entry in model.opset_import]
    return all(isinstance(name, str) for name in names)


def _check_versions(model: onnx.ModelProto, file: str) -> int:
    """The version of ONNX's own operators, which must be one the installed onnx knows."""
    if model.ir_version > onnx.IR_VERSION:
        why = f"its format has version {model.ir_version}, the installed onnx reads up to {onnx.IR_VERSION}"
        raise _not_onnx(file, why, "install a newer onnx, or export for an older one")
    versions = [int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        raise fail(
            "M002",
            "the model names no version of ONNX's own operators",
            where=file,
            why=f"operator sets: {', '.join(str(entry.domain) for entry in model.opset_import)}",
            fix="export the model again",
        )
    newest = onnx.defs.onnx_opset_version()
    if len(set(versions)) > 1 or not OLDEST_OPSET <= versions[0] <= newest:
        raise fail(
            "M004",
            "the operator set is not supported",
            where=file,
            why=f"found version {', '.join(map(str, versions))}, supported are {OLDEST_OPSET} to {newest}",
            fix="export again with a supported opset, for example 17",
        )
    return versions[0]
