"""Checks a graph against what its stage promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Node, Port, Stage
from mcuq.ir.op import RangeRule, ShapeError
from mcuq.ir.types import DType, elem_count


def verify_graph(graph: Graph, history: Sequence[str] = ()) -> None:
    """Check that a graph is what its stage promises.

    Every stage: names are unique, nodes are in an order that computes every tensor before it is read, every
    tensor in use is described, shapes are what `Op.infer` says, constant inputs are constants, arrays are
    read-only and finite. FLOAT: constants are float32 or float64. CANONICAL: they are float32, and no
    operator is FLOAT_ONLY. QUANTIZED: every tensor has quantization parameters.

    Args:
        graph: any graph.
        history: the passes that made it, for the message.

    Raises:
        McuqError: I001 with everything found.
    """
    found = [*_check_names(graph), *_check_nodes(graph), *_check_ports(graph), *_check_stage(graph)]
    if found:
        run = ", ".join(history) if history else "none"
        raise McuqError(
            Problem(
                "I001",
                f"a graph breaks the promises of stage '{graph.stage.value}'",
                where,
                f"{why}; passes run: {run}",
                "please report this with the model",
            )
            for where, why in found
        )


Finding = tuple[str, str]


def _check_names(graph: Graph) -> Iterator[Finding]:
    for what, names in (
        ("node", [node.name for node in graph.nodes]),
        ("computed tensor", [name for node in graph.nodes for name in node.outputs]),
        ("input", [port.name for port in graph.inputs]),
        ("input tensor", [port.tensor for port in graph.inputs]),
        ("output", [port.name for port in graph.outputs]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{what} '{name}'", f"there are {count} of that name"
    for name, tensor in graph.tensors.items():
        if name != tensor.name:
            yield f"tensor '{name}'", f"it calls itself '{tensor.name}'"


def _check_nodes(graph: Graph) -> Iterator[Finding]:
    ready = {port.tensor for port in graph.inputs} | set(graph.constants)
    for node in graph.nodes:
        where = f"node '{node.name}' ({node.op.kind})"
        for name in node.inputs:
            if name not in ready:
                yield where, f"it reads '{name}' before anything computes it"
        for name in node.outputs:
            if name in ready:
                yield where, f"its output '{name}' is computed already, an input or a constant"
        ready.update(node.outputs)
        yield from ((where, why) for why in _check_signature(graph, node))


def _check_signature(graph: Graph, node: Node) -> Iterator[str]:
    least, most = node.op.arity
    if not least <= len(node.inputs) <= most:
        yield f"it has {len(node.inputs)} inputs, expected {least} to {most}"
        return
    for index in node.op.constant_inputs:
        if index < len(node.inputs) and node.inputs[index] not in graph.constants:
            yield f"input {index}, '{node.inputs[index]}', is no constant"
    missing = [name for name in (*node.inputs, *node.outputs) if name not in graph.tensors]
    if missing:
        yield f"tensors {missing} are not described"
        return
    try:
        shapes = node.op.infer_outputs(*(graph.tensors[name].shape for name in node.inputs))
    except ShapeError as error:
        yield str(error)
        return
    if len(shapes) != len(node.outputs):
        yield f"it has {len(node.outputs)} outputs, expected {len(shapes)}"
        return
    for name, shape in zip(node.outputs, shapes, strict=True):
        if shape != graph.tensors[name].shape:
            yield f"its output has shape {graph.tensors[name].shape}, its inputs give {shape}"


def _check_ports(graph: Graph) -> Iterator[Finding]:
    computed = {name for node in graph.nodes for name in node.outputs}
    for port in graph.inputs:
        if port.tensor in graph.constants:
            yield f"input '{port.name}'", f"'{port.tensor}' is a constant"
        yield from _check_port("input", port, graph)
    for port in graph.outputs:
        if port.tensor not in computed and port.tensor not in {other.tensor for other in graph.inputs}:
            yield f"output '{port.name}'", f"nothing computes '{port.tensor}'"
        yield from _check_port("output", port, graph)
    yield from _check_ties(graph)


def _check_ties(graph: Graph) -> Iterator[Finding]:
    """Every output that is state becomes an input of its shape, and no two become the same."""
    inputs = {port.name: port.model_shape for port in graph.inputs}
    for port in graph.outputs:
        if port.feeds is None:
            continue
        shape = inputs.pop(port.feeds.input, None)
        if not shape == port.model_shape == port.feeds.initial.shape:
            yield (
                f"output '{port.name}'",
                f"as state it has shape {port.model_shape}, begins with {port.feeds.initial.shape}, and "
                f"'{port.feeds.input}' has {shape or 'no shape, or another output feeds it'}",
            )


def _check_port(what: str, port: Port, graph: Graph) -> Iterator[Finding]:
    where = f"{what} '{port.name}'"
    if port.tensor not in graph.tensors:
        yield where, f"tensor '{port.tensor}' is not described"
    elif sorted(port.perm) != list(range(len(port.model_shape))):
        yield where, f"{port.perm} does not permute the axes of {port.model_shape}"
    elif elem_count(port.model_shape) != elem_count(graph.tensors[port.tensor].shape):
        yield where, f"{port.model_shape} does not reshape to {graph.tensors[port.tensor].shape}"


def _check_stage(graph: Graph) -> Iterator[Finding]:
    for name, array in graph.constants.items():
        where = f"constant '{name}'"
        if name not in graph.tensors or graph.tensors[name].shape != array.shape:
            yield where, f"its array has shape {array.shape}, its tensor another one"
        elif array.flags.writeable:
            yield where, "its array can be written to"
        elif array.dtype.kind == "f" and not np.isfinite(array).all():
            yield where, "it has values that are not finite"
        if graph.stage is not Stage.QUANTIZED and array.dtype.name not in _float_types(graph.stage):
            yield where, f"its array has type {array.dtype}"
    for node in graph.nodes:
        if graph.stage is not Stage.FLOAT and node.op.range_rule is RangeRule.FLOAT_ONLY:
            yield f"node '{node.name}'", f"operator {node.op.kind} may only be in a float graph"
    for name, tensor in graph.tensors.items():
        if graph.stage is Stage.QUANTIZED and tensor.quant is None:
            yield f"tensor '{name}'", "it has no quantization parameters"
        elif graph.stage is not Stage.QUANTIZED and tensor.dtype is not DType.FLOAT32:
            yield f"tensor '{name}'", f"it has type {tensor.dtype.value}"


def _float_types(stage: Stage) -> tuple[str, ...]:
    return ("float32",) if stage is Stage.CANONICAL else ("float32", "float64", "float16")
