"""Requantizations wherever an operator needs another type than its input has: int8, int16."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from mcuq.ir.graph import Graph, Node, Port, Tensor, make_graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import CODE_TYPES, Array, DType
from mcuq.quantize.requantize import requantization


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """A tensor that holds the values of another one in another type.

    Args:
        name: of the tensor.
        source: the other one.
        dtype: its type.
        reader: what asked for it first; None: an output.
        is_constant: whether it is rounded when compiling, and no step makes it.
    """

    name: str
    source: str
    dtype: DType
    reader: Node | None
    is_constant: bool


def gives_wide(node: Node) -> bool:
    """Whether an operator's output may be int16."""
    return node.op.carries_wide or node.op.measured_type is DType.INT16


def fit_types(
    graph: Graph,
    types: Mapping[str, DType],
    outputs: Mapping[str, DType] = MappingProxyType({}),
    *,
    is_joined: bool,
) -> tuple[Graph, tuple[Made, ...]]:
    """Put a Requantize before every input, and every output, of another type than it has to have.

    Args:
        graph: stage CANONICAL.
        types: of all activations and operand constants.
        outputs: types that outputs have to have, by port.
        is_joined: whether inputs of joining operators get the type of what they are joined to here;
            otherwise `insert_requantize` gives them type and scale at once.

    Returns:
        The graph, and the tensors that are new in it, in order.
    """
    fitter = _Fitter(graph, types, is_joined)
    for node in graph.nodes:
        fitter.add(node)
    ports = [fitter.output(port, outputs.get(port.name)) for port in graph.outputs]
    changed = make_graph(graph.stage, fitter.nodes, fitter.tensors, fitter.constants, graph.inputs, ports)
    return changed, tuple(fitter.made.values())


class _Fitter:
    """The graph under construction."""

    def __init__(self, graph: Graph, types: Mapping[str, DType], is_joined: bool) -> None:
        self.graph, self.types = graph, types
        rules = (RangeRule.CALIBRATED, RangeRule.UNIFIED) if is_joined else (RangeRule.CALIBRATED,)
        self.rules: tuple[RangeRule, ...] = rules
        self.tensors: dict[str, Tensor] = dict(graph.tensors)
        self.constants: dict[str, Array] = dict(graph.constants)
        self.nodes: list[Node] = []
        self.made: dict[tuple[str, DType], Made] = {}

    def add(self, node: Node) -> None:
        """A node behind what its inputs need."""
        inputs = list(node.inputs)
        for position, name in enumerate(inputs):
            if position not in node.op.constant_inputs and name in self.types:
                inputs[position] = self._as(name, self._wanted(node, position), node)
        self.nodes.append(dataclasses.replace(node, inputs=tuple(inputs)))

    def output(self, port: Port, wanted: DType | None) -> Port:
        """An output in the type that it has to have; None: in the one that it has."""
        return dataclasses.replace(port, tensor=self._as(port.tensor, wanted, None))

    def _as(self, name: str, wanted: DType | None, reader: Node | None) -> str:
        """A tensor in a type."""
        found = self.types[name]
        is_other = wanted is not None and found in CODE_TYPES and found is not wanted
        return self._converted(name, wanted, reader) if wanted is not None and is_other else name

    def _wanted(self, node: Node, position: int) -> DType | None:
        """The type that an input has to have; None where either is right, or joining settles it."""
        op = node.op
        if not op.carries_wide:
            # What converts its only input is a requantization.
            is_conversion = op.converts and DType.INT16 in op.takes and len(node.inputs) == 1
            return None if is_conversion or position in op.wide_inputs else DType.INT8
        if op.converts or op.rule() not in self.rules:
            return None
        return self.types[node.output]

    def _converted(self, name: str, dtype: DType, reader: Node | None) -> str:
        """A tensor in another type, the same for all that read it."""
        key = name, dtype
        if key not in self.made:
            fresh = f"{name}/{dtype.value}"
            while fresh in self.tensors:
                fresh += "'"
            is_constant = name in self.constants
            self.made[key] = Made(fresh, name, dtype, reader, is_constant)
            self.tensors[fresh] = Tensor(fresh, self.tensors[name].shape)
            if is_constant:
                self.constants[fresh] = self.constants[name]
            else:
                self.nodes.append(requantization(f"{name}/to {dtype.value}", name, fresh))
        return self.made[key].name
