"""From a quantized file to the float file it describes, with the parameters of its tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mcuq.ir.encodings import Encodings
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.onnxio.load import Source
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode, make_node
from mcuq.onnxio.quantized.barrier import DEQUANTIZE_OPS, QUANTIZE_OPS, Barriers
from mcuq.onnxio.quantized.constants import Constants
from mcuq.onnxio.quantized.expand import REFUSED, Expander, refuse_dynamic
from mcuq.onnxio.quantized.walk import Walk
from mcuq.onnxio.refusal import Problems, Refused


def is_quantized(source: Source, readers: ReaderTable) -> bool:
    """Whether a file has operators of quantized models."""
    quantized = QUANTIZE_OPS | DEQUANTIZE_OPS | readers.forms.keys() | REFUSED.keys()
    return any(node.op_type in quantized for node in source.nodes)


def dequantize(source: Source, problems: Problems, readers: ReaderTable) -> tuple[Source, Encodings]:
    """The float file and the parameters that the quantized one has for its tensors.

    A tensor between QuantizeLinear and DequantizeLinear is the tensor before them. Where another quantization
    follows, or where a pass would merge operators across it, a DequantizeLinear stays; it is read as a
    requantization. Constants become float32 and keep their codes beside them.

    Args:
        source: a file for which `is_quantized` holds.
        problems: collects refusals; with any the result is not to be used.
        readers: know what operators do to values.
    """
    names = _names(source)
    constants = Constants(source)
    expander = Expander(constants, names, source.opset, readers)
    nodes, unknown = _expanded(source, expander, problems)
    walk = Walk(source, constants, names, Barriers(nodes, constants.__contains__, readers), readers)
    walk.unknown.update(unknown)
    for node in nodes:
        try:
            walk.visit(node)
        except Refused as refused:
            walk.unknown.update(node.outputs)
            problems.add_refused(refused, node.op_type, node.where)
    if problems:
        return source, Encodings({}, {})
    walk.name_outputs()
    rewritten = _float_nodes(source, walk)
    short = _shorter(rewritten, expander.made)
    encodings = Encodings(
        {short.get(name, name): each for name, each in walk.activations.items()},
        {short.get(name, name): each for name, each in walk.encodings.items()},
        {
            short.get(a, a): short.get(b, b)
            for a, b in walk.same_as.items()
            if short.get(a, a) != short.get(b, b)
        },
        origin=source.file,
    )
    return _rewritten(source, walk, rewritten, short), encodings


def _names(source: Source) -> Names:
    names = Names()
    known = {each for node in source.nodes for each in (*node.inputs, *node.outputs)}
    known |= {str(value.name) for value in (*source.graph.input, *source.graph.output)}
    for name in sorted(known | source.initializers.keys()):
        names.claim(name)
    return names


def _expanded(
    source: Source, expander: Expander, problems: Problems
) -> tuple[tuple[OnnxNode, ...], set[str]]:
    """All nodes, integer operators expanded, constants taken note of; and what refused ones compute."""
    nodes: list[OnnxNode] = []
    unknown: set[str] = set()
    for node in source.nodes:
        expander.constants.offer(node)
        try:
            refuse_dynamic(node)
            protos = expander.expand(node) if node.op_type in expander.readers.forms else []
            nodes += [make_node(node.index, proto) for proto in protos] or [node]
        except Refused as refused:
            unknown.update(node.outputs)
            problems.add_refused(refused, node.op_type, node.where)
    return tuple(nodes), unknown


def _float_nodes(source: Source, walk: Walk) -> list[OnnxNode]:
    """The nodes of the float file; outputs of the model keep their names."""
    nodes = list(walk.nodes)
    for value in source.graph.output:
        name = str(value.name)
        if walk.real.get(name, name) != name:
            made = helper.make_node("Identity", [walk.real[name]], [name], name=f"{name} [output]")
            nodes.append(make_node(len(source.nodes), made))
    return nodes


def _shorter(nodes: Sequence[OnnxNode], made: Mapping[str, str]) -> dict[str, str]:
    """Names of real tensors that were made from those of codes, and may have the latter in the float file."""
    taken = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    renamed: dict[str, str] = {}
    for real, codes in made.items():
        if real in taken and codes not in taken:
            renamed[real] = codes
            taken.add(codes)
    return renamed


def _rewritten(source: Source, walk: Walk, nodes: Sequence[OnnxNode], renamed: Mapping[str, str]) -> Source:
    """The float file."""
    used = {name for node in nodes for name in node.inputs}
    computed = {name for node in nodes for name in node.outputs}
    stored = {name: tensor for name, tensor in source.initializers.items() if name in used}
    for name in sorted(used - stored.keys() - computed):
        if name in walk.constants:
            new = renamed.get(name, name)
            stored[new] = numpy_helper.from_array(np.asarray(walk.constants.value(name)), new)
    graph = onnx.GraphProto(name=source.graph.name)
    graph.input.extend(source.graph.input)
    graph.output.extend(source.graph.output)
    graph.sparse_initializer.extend(source.graph.sparse_initializer)
    for value in graph.input:
        if value.name in walk.grids:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    changed = tuple(_with_names(node, renamed) for node in nodes)
    return dataclasses.replace(source, graph=graph, nodes=changed, initializers=stored)


def _with_names(node: OnnxNode, renamed: Mapping[str, str]) -> OnnxNode:
    if renamed.keys().isdisjoint((*node.inputs, *node.outputs)):
        return node
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    for names in (proto.input, proto.output):
        for index, name in enumerate(names):
            names[index] = renamed.get(name, name)
    return make_node(node.index, proto)
