"""If whose condition is known when compiling: the nodes of one branch take its place."""

from __future__ import annotations

import onnx
from onnx import helper

from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode, make_node
from mcuq.onnxio.refusal import Refused, listed, quoted
from mcuq.onnxio.subgraphs import defined_names, free_names, rename

_AGAIN = "export the model again"


def read_if(ctx: ImportContext, node: OnnxNode) -> None:
    """If with a constant condition, or one that follows from shapes: the nodes of the branch, inlined."""
    condition = node.input(0) or ""
    if not node.outputs:
        raise Refused("M002", "it has no output", _AGAIN)
    if condition not in ctx.values:
        raise Refused(
            "M004",
            "its condition is decided at run time",
            "make the condition constant when exporting, or compute both branches and choose with Where",
        )
    value = ctx.values[condition]
    if value.dtype.kind != "b" or value.size != 1:
        raise Refused("M002", f"its condition is {value.dtype} of shape {value.shape}", _AGAIN)
    graph = _branch(node, "then_branch" if value.reshape(-1)[0] else "else_branch")
    names = {name: ctx.temporary(node.output, name) for name in sorted(defined_names(graph)) if name}
    _check_names(graph, names)
    read = {str(name) for each in graph.node for name in each.input} | free_names(graph.node)
    read |= {str(each.name) for each in graph.output}
    ctx.used.update(names[name] for name in read if name in names)
    for tensor in graph.initializer:
        ctx.stored[names[str(tensor.name)]] = tensor
    for proto in graph.node:
        ctx.visit(make_node(node.index, rename(proto, names)))
    for value_info, output in zip(graph.output, node.outputs, strict=True):
        if output:
            source = names.get(str(value_info.name), str(value_info.name))
            ctx.visit(make_node(node.index, helper.make_node("Identity", [source], [output], node.name)))


def _branch(node: OnnxNode, name: str) -> onnx.GraphProto:
    """The graph of a branch, with as many outputs as the node has."""
    found = node.attribute(name)
    if found is None or found.type != onnx.AttributeProto.GRAPH:
        raise Refused("M002", f"it has no graph {quoted(name)}", _AGAIN)
    graph = found.g
    if len(graph.output) != len(node.outputs):
        why = f"its {name} has {len(graph.output)} outputs, the node {len(node.outputs)}"
        raise Refused("M002", why, _AGAIN)
    if graph.input:
        raise Refused("M002", f"its {name} has inputs", _AGAIN)
    if graph.sparse_initializer:
        raise Refused("M004", f"its {name} has sparse initializers", "store them dense")
    return graph


def _check_names(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """Every name is defined once, and before it is read."""
    ready: set[str] = set()
    for made, read in (
        (map(str, (tensor.name for tensor in graph.initializer)), set[str]()),
        *((map(str, node.output), {*map(str, node.input), *free_names([node])}) for node in graph.node),
    ):
        late = sorted(name for name in read if name in names and name not in ready)
        if late:
            raise Refused("M002", f"its branch reads {listed(late)} before it is computed", _AGAIN)
        for name in filter(None, made):
            if name in ready:
                raise Refused("M002", f"its branch defines {quoted(name)} more than once", _AGAIN)
            ready.add(name)
