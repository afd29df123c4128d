"""Parameters of every activation where a file gives some of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.ranges import Ranges
from mcuq.interchange.names import constant_names, tensor_names
from mcuq.interchange.widths import fit_given, narrowed, wide_where_given
from mcuq.ir.encodings import Encodings, Note
from mcuq.ir.graph import Graph, Node, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import CODE_TYPES, DType, QuantParams
from mcuq.ops.table import Requantize
from mcuq.quantize.activations import operand_constants
from mcuq.quantize.fit_types import gives_wide
from mcuq.quantize.requantize import insert_requantize

_ALIKE = (RangeRule.SHARED, RangeRule.UNIFIED)


@dataclasses.dataclass(frozen=True)
class Given:
    """What a file says about the activations of a canonical graph.

    Args:
        params: of the tensors that the file names.
        derived: of tensors that only become such a tensor, by moving their values.
    """

    params: Mapping[str, QuantParams]
    derived: Mapping[str, QuantParams]

    def get(self, name: str) -> QuantParams | None:
        """The parameters of a tensor, None where the file leaves them open."""
        return self.params.get(name) or self.derived.get(name)


def match_activations(graph: Graph, encodings: Encodings) -> Given:
    """Find the parameters of a canonical graph's tensors by their names in the file.

    Args:
        graph: stage CANONICAL.
        encodings: of the file.
    """
    found: dict[str, QuantParams] = {}
    for name in graph.tensors:
        names = constant_names(name) if name in graph.constants else tensor_names(name)
        params = next((encodings.activations[each] for each in names if each in encodings.activations), None)
        if params is not None:
            found[name] = params
    return Given(found, _derived(graph, found))


def _derived(graph: Graph, found: Mapping[str, QuantParams]) -> dict[str, QuantParams]:
    """Parameters of tensors whose values are only moved to where the file gives some.

    Quantizing and then moving values is moving and then quantizing them.
    """
    derived: dict[str, QuantParams] = {}
    inputs = {port.tensor for port in graph.inputs}
    for name in (*(node.output for node in reversed(graph.nodes)), *inputs):
        producer = graph.producer(name)
        readers = graph.consumers(name)
        if name in found or graph.is_output(name) or not readers:
            continue
        if producer is not None and not producer.op.takes_any_params:
            continue
        wanted = {
            (found.get(node.output) or derived.get(node.output)) if _moves(node) else None for node in readers
        }
        params = wanted.pop() if len(wanted) == 1 else None
        if params is not None:
            derived[name] = params
    return derived


def _moves(node: Node) -> bool:
    """Whether an operator gives the codes of its input, or takes values that are quantized only there."""
    return node.op.rule() in _ALIKE or isinstance(node.op, Requantize)


def open_tensors(graph: Graph, given: Given) -> tuple[str, ...]:
    """Tensors that need a range and have no parameters, in order."""
    measured = (RangeRule.CALIBRATED, RangeRule.UNIFIED)
    names = [port.tensor for port in graph.inputs]
    for node in graph.nodes:
        # A requantization nobody gave parameters to has its input's.
        if not isinstance(node.op, Requantize):
            names += [name for name in node.outputs if node.rule(name) in measured]
    return tuple(name for name in dict.fromkeys(names) if given.get(name) is None)


def assign_given(
    graph: Graph, given: Given, encodings: Encodings, ranges: Ranges, scheme: Scheme
) -> tuple[Graph, dict[str, QuantParams], tuple[Note, ...]]:
    """Parameters of every activation and operand constant, and requantizations where they must differ.

    Args:
        graph: stage CANONICAL.
        given: of `match_activations`.
        encodings: of the file; of constants among the operands.
        ranges: one for each of `open_tensors`.
        scheme: of tensors that the file leaves open.

    Returns:
        The graph with its requantizations, the parameters of all its activations, and a note for every tensor
        of int16 that is int8 too.
    """
    graph = wide_where_given(graph, given.params)
    params: dict[str, QuantParams] = {}

    def of(name: str) -> QuantParams:
        return given.get(name) or quant_params(ranges[name], scheme)

    for name in (port.tensor for port in graph.inputs):
        params[name] = of(name)
    for name in operand_constants(graph):
        params[name] = given.get(name) or _constant_params(graph, encodings, name, scheme)
    wanted: dict[str, QuantParams] = {}
    for node, y in [(each, name) for each in graph.nodes for name in each.outputs]:
        match node.rule(y):
            case RangeRule.SHARED:
                source = params[node.inputs[0]]
                params[y] = source if gives_wide(node) else narrowed(source)
            case RangeRule.FIXED:
                known = given.get(y) if node.op.takes_any_params else None
                is_known = known is not None and known.dtype is DType.INT8
                params[y] = known if known is not None and is_known else node.op.fixed_params()
            case _ if isinstance(node.op, Requantize):
                params[y] = given.get(y) or params[node.inputs[0]]
            case _:
                params[y] = of(y) if gives_wide(node) else narrowed(of(y))
        target = given.get(y)
        # Behind a step that cannot give what the file wants another one does; readers see its parameters.
        is_other = target is not None and target != params[y] and y == node.output
        if target is not None and is_other and params[y].dtype in CODE_TYPES:
            wanted[y] = params[y]
            params[y] = target
    changed, params = _with_requantize(graph, params, wanted)
    changed, params, notes = fit_given(changed, params)
    return *insert_requantize(changed, params), notes


def _constant_params(graph: Graph, encodings: Encodings, name: str, scheme: Scheme) -> QuantParams:
    """The parameters of an operand that is constant: the file's, or those of its values."""
    for each in constant_names(name):
        encoding = encodings.constants.get(each)
        if encoding is not None and len(encoding.scale) == 1 and -128 <= encoding.zero_point[0] <= 127:
            dtype = DType.INT16 if encoding.bits == 16 else DType.INT8
            return QuantParams(encoding.scale, encoding.zero_point[0], dtype)
    values = graph.constants[name]
    span = Range(min(float(np.min(values)), 0.0), max(float(np.max(values)), 0.0))
    return quant_params(span, scheme)


def _with_requantize(
    graph: Graph, params: dict[str, QuantParams], before: Mapping[str, QuantParams]
) -> tuple[Graph, dict[str, QuantParams]]:
    """The graph with a requantization behind each tensor of `before`, and without those that change nothing.

    Args:
        graph: stage CANONICAL.
        params: of all activations.
        before: what the operators that compute the tensors give.
    """
    tensors, params = dict(graph.tensors), dict(params)
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node = dataclasses.replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if isinstance(node.op, Requantize) and params[node.inputs[0]] == params[node.output]:
            renamed[node.output] = node.inputs[0]
        elif node.output in before:
            raw = _fresh(f"{node.output}/raw", tensors)
            tensors[raw] = Tensor(raw, tensors[node.output].shape)
            params[raw] = before[node.output]
            nodes.append(dataclasses.replace(node, outputs=(raw, *node.outputs[1:])))
            nodes.append(Node(f"{node.name}/requantize", Requantize(), (raw,), (node.output,)))
        else:
            nodes.append(node)
    outputs = [
        dataclasses.replace(port, tensor=renamed.get(port.tensor, port.tensor)) for port in graph.outputs
    ]
    changed = make_graph(graph.stage, nodes, tensors, graph.constants, graph.inputs, outputs)
    return changed, {name: quant for name, quant in params.items() if name in changed.tensors}


def _fresh(name: str, taken: Mapping[str, Tensor]) -> str:
    while name in taken:
        name += "'"
    return name
