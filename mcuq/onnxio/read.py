"""From an ONNX file to a float graph."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import onnx

from mcuq.ir.encodings import Encodings
from mcuq.ir.graph import Graph, Port, Stage, Tensor, make_graph
from mcuq.ir.model import Model, ModelRefused, OperatorUse
from mcuq.ir.types import MAX_TENSOR_ELEMS, Shape, elem_count
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.nodes import import_nodes
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.onnxio.importers.whole import INTEGER_TYPES, with_whole_inputs
from mcuq.onnxio.input_shapes import describe, set_input_shapes
from mcuq.onnxio.load import Source, load_source
from mcuq.onnxio.normalizations import read_normalizations
from mcuq.onnxio.quantized.dequantize import dequantize, is_quantized
from mcuq.onnxio.refusal import Problems, quoted, unsupported
from mcuq.onnxio.standard import BOOL, FLOAT
from mcuq.onnxio.subgraphs import names_in, nested_graphs


def _make_static(name: str, shape: str) -> str:
    return f"export with static shapes, or say which: --input-shape {quoted(f'{name}={shape}')}"


def read_onnx(data: bytes, path: Path, input_shapes: Mapping[str, Shape], readers: ReaderTable) -> Model:
    """Read an ONNX file, quantized or not.

    Args:
        data: its bytes.
        path: where it is; its external data must be in the same folder.
        input_shapes: of inputs whose shape the file leaves open, by name.
        readers: of the operators that may be in it.

    Raises:
        McuqError: as `mcuq.frontend.read`.
    """
    source = load_source(data, path)
    problems = Problems(source.file)
    set_input_shapes(source.graph, input_shapes, problems)
    problems.stop()
    real, encodings = source, Encodings({}, {})
    if is_quantized(source, readers):
        for node in source.nodes:
            if node.has_graphs and node.op_type in readers:
                refused = unsupported("it stands in a quantized model", "export one branch alone")
                problems.add_refused(refused, node.op_type, node.where)
        problems.stop()
        real, encodings = dequantize(source, problems, readers)
        problems.stop()
    ctx = ImportContext(real.opset, _all_names(real))
    graph, operators = _read_source(real, ctx, problems, readers)
    return Model(
        name=source.file,
        sha256=hashlib.sha256(data).hexdigest(),
        graph=graph,
        encodings=encodings,
        weight_axes=_weight_axes(real, readers),
        normalizations=read_normalizations(source),
        operators=operators,
        notes=tuple(ctx.notes),
    )


def _read_source(
    source: Source, ctx: ImportContext, problems: Problems, readers: ReaderTable
) -> tuple[Graph, tuple[OperatorUse, ...]]:
    inputs = _read_inputs(source, ctx, problems)
    operators = import_nodes(source, ctx, problems, readers)
    if problems:
        raise ModelRefused(problems.found, operators)
    outputs = _read_outputs(source, ctx, problems)
    problems.stop()
    graph = make_graph(Stage.FLOAT, ctx.nodes, ctx.tensors, ctx.graph_constants, inputs, outputs)
    types = {str(value.name): int(value.type.tensor_type.elem_type) for value in source.graph.input}
    graph = with_whole_inputs(graph, types, problems)
    problems.stop()
    return graph, operators


def _weight_axes(source: Source, readers: ReaderTable) -> dict[str, int]:
    """The axis of the output channels of each constant that is a layer's weights."""
    axes: dict[str, int] = {}
    for node in source.nodes:
        name, reader = node.input(1), readers.get(node.op_type)
        if name is not None and reader is not None and reader.weight_axis is not None:
            axes[name] = reader.weight_axis(node)
    return axes


def _all_names(source: Source) -> set[str]:
    names = {name for node in source.nodes for name in (*node.inputs, *node.outputs)}
    names |= {str(value.name) for value in (*source.graph.input, *source.graph.output)}
    for graph in nested_graphs(source.graph.node):
        names |= names_in(graph)
    return names | set(source.initializers)


def _read_inputs(source: Source, ctx: ImportContext, problems: Problems) -> list[Port]:
    """The inputs of the graph."""
    ports = []
    for value in source.graph.input:
        name = str(value.name)
        shape = _read_shape(value, problems)
        if shape is not None:
            ctx.tensors[name] = Tensor(name, shape)
            if value.type.tensor_type.elem_type == BOOL:
                ctx.truths.add(name)
            if value.type.tensor_type.elem_type in INTEGER_TYPES:
                ctx.indices.add(name)
                ctx.given.add(name)
            ports.append(Port(name, name, shape, tuple(range(len(shape)))))
    if not ports and not problems:
        problems.add(
            "M004", "the model has no input", "", "every input has an initializer", "export it with an input"
        )
    return ports


def _read_shape(value: onnx.ValueInfoProto, problems: Problems) -> Shape | None:
    """The static shape of an input; a symbolic batch becomes 1."""
    name = str(value.name)
    where = f"input {quoted(name)}"
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or kind.elem_type not in (FLOAT, BOOL, *INTEGER_TYPES):
        found = "no tensor"
        if value.type.HasField("tensor_type"):
            found = f"data type {kind.elem_type}"
        fix = "export the model with inputs of float32, integers or bool"
        problems.add("M004", "an input is neither float32 nor of integers", where, f"found {found}", fix)
        return None
    if not kind.HasField("shape"):
        fix = _make_static(name, "1,...")
        problems.add("M006", "an input has no shape", where, "its rank is unknown", fix)
        return None
    shape: list[int] = []
    for axis, dim in enumerate(kind.shape.dim):
        if dim.HasField("dim_value") and dim.dim_value > 0:
            shape.append(int(dim.dim_value))
        elif axis == 0 and not dim.HasField("dim_value"):
            shape.append(1)
        else:
            symbol = quoted(str(dim.dim_param)) if dim.dim_param else f"{int(dim.dim_value)}"
            problems.add(
                "M006",
                "an input has a dynamic shape",
                where,
                f"axis {axis} has size {symbol}",
                _make_static(name, describe(kind.shape)),
            )
            return None
    if elem_count(tuple(shape)) > MAX_TENSOR_ELEMS:
        why = f"shape {tuple(shape)}, the limit is {MAX_TENSOR_ELEMS:_} elements"
        problems.add("M011", "an input is absurdly large", where, why, "shrink the input")
        return None
    return tuple(shape)


def _read_outputs(source: Source, ctx: ImportContext, problems: Problems) -> list[Port]:
    """The outputs of the graph, compared with what the file declares."""
    ports = []
    for value in source.graph.output:
        name = str(value.name)
        where = f"output {quoted(name)}"
        if name in ctx.values or name not in ctx.tensors:
            problems.add(
                "M004", "an output is constant", where, "it depends on no input", "remove the output"
            )
            continue
        shape = ctx.shape(name)
        if not _matches(value, shape):
            dims = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            problems.add(
                "M006",
                "an output has another shape than the file says",
                where,
                f"found {shape}, declared {dims}",
                "run onnx.shape_inference on the model, or export it again",
            )
        ports.append(Port(name, name, shape, tuple(range(len(shape)))))
    if not ports and not problems:
        problems.add("M002", "the model has no output", "", "its list of outputs is empty", "export it again")
    return ports


def _matches(value: onnx.ValueInfoProto, shape: Shape) -> bool:
    """Whether the declared shape, where there is one, allows the found one."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return True
    dims = kind.shape.dim
    return len(dims) == len(shape) and all(
        not dim.HasField("dim_value") or dim.dim_value == size for dim, size in zip(dims, shape, strict=True)
    )
