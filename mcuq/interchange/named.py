"""The parameters of a program under the names of an ONNX file, as other tools look them up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mcuq.interchange.names import constant_names, tensor_names
from mcuq.interchange.program import LayerScales
from mcuq.interchange.weights import Layer, after_passes
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.op import RangeRule
from mcuq.ir.program import Program
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.types import CODE_TYPES, DType, Float64, QuantParams


@dataclasses.dataclass(frozen=True, slots=True)
class NamedConstant:
    """The weights of a layer in the file.

    Args:
        name: of the constant.
        axis: of its output channels, in the file's layout.
        scale: of the constant as it stands in the file, one per output channel.
        bits: of a code, 4 or 8.
    """

    name: str
    axis: int
    scale: tuple[float, ...]
    bits: int

    @property
    def largest(self) -> int:
        """The largest code; the smallest is its negative."""
        return (1 << (self.bits - 1)) - 1


@dataclasses.dataclass(frozen=True, slots=True)
class NamedStep:
    """One operator.

    Args:
        name: of the node.
        kind: of the step.
        inputs: names of the tensors it reads; one without a name or parameters is left out.
        output: the name of the first tensor it computes, None where it has none.
        scale: of its weights as they are computed with, one per output channel, NaN where no scale is known;
            empty for an operator without weights.
        groups: of its channels.
        weights: its weights in the file, None where they have no name there.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: str | None
    scale: tuple[float, ...] = ()
    groups: int = 1
    weights: NamedConstant | None = None


@dataclasses.dataclass(frozen=True)
class NamedProgram:
    """The parameters of a program.

    Args:
        activations: of every int8 and int16 tensor that has a name in the file.
        steps: all operators, in order.
        changes: what is not in here as it is in the program, one line each.
    """

    activations: Mapping[str, QuantParams]
    steps: tuple[NamedStep, ...]
    changes: tuple[str, ...]

    @property
    def constants(self) -> dict[str, NamedConstant]:
        """The weights that have a name, by it."""
        return {each.weights.name: each.weights for each in self.steps if each.weights is not None}

    def of_8_bits(self) -> NamedProgram:
        """The same without tensors of int16, for formats that have none."""
        kept = {name: quant for name, quant in self.activations.items() if quant.dtype is DType.INT8}
        left = (f"tensor {name!r}: left out, it is int16" for name in self.activations if name not in kept)
        steps = tuple(
            dataclasses.replace(
                each,
                inputs=tuple(name for name in each.inputs if name in kept),
                output=each.output if each.output in kept else None,
            )
            for each in self.steps
        )
        return NamedProgram(kept, steps, (*self.changes, *left))

    def unnamed_weights(self) -> tuple[str, ...]:
        """A line for every layer whose weights have no name."""
        return tuple(
            f"layer {each.name!r}: scales of its weights left out, they have no name here"
            for each in self.steps
            if each.scale and each.weights is None
        )


@dataclasses.dataclass(frozen=True)
class FileNames:
    """What a file calls the tensors and weights of a program.

    Args:
        tensors: every name of each tensor, by index.
        constants: the weights of layers, by the index of the step.
    """

    tensors: Mapping[int, tuple[str, ...]]
    constants: Mapping[int, NamedConstant]


def own_names(program: Program) -> FileNames:
    """The names that the program remembers of its model: those of tensors."""
    names = {index: _names(program, index) for index in range(len(program.tensors))}
    return FileNames(names, {})


def _names(program: Program, index: int) -> tuple[str, ...]:
    *_, name = tensor_names(program.tensors[index].name)
    ports = (port.name for port in (*program.inputs, *program.outputs) if port.tensor == index)
    return tuple(dict.fromkeys((name, *ports)))


def model_names(
    program: Program, layers: Mapping[int, LayerScales], source: Model, graph: Graph
) -> FileNames:
    """The names of a program's tensors and weights in the model that it was built from.

    Args:
        program: built from the model.
        layers: of `layer_scales`.
        source: the model as read.
        graph: the same, stage CANONICAL.
    """
    known = {*source.graph.tensors} - {*source.graph.constants}
    tensors = {
        index: tuple(name for name in names if name in known)
        for index, names in own_names(program).tensors.items()
    }
    # Other tools quantize a limit's input as well; the codes of the limited value say all that counts of it.
    for limit in reversed(source.graph.nodes):
        is_limit = limit.op.rule() is RangeRule.SHARED and not limit.op.output_clamp.is_identity
        if is_limit and not any(limit.inputs[0] in names for names in tensors.values()):
            owner = next((index for index, names in tensors.items() if limit.output in names), None)
            if owner is not None:
                tensors[owner] += (limit.inputs[0],)
    nodes = {node.output: node for node in graph.nodes if node.op.weighted}
    constants: dict[int, NamedConstant] = {}
    for index, each in layers.items():
        node = nodes.get(each.output)
        if node is not None and len(node.op.weighted) == 1:
            found = _constant(source, graph, node.inputs, node.op.weighted[0], each)
            if found is not None:
                constants[index] = found
    return FileNames(tensors, _without_conflicts(constants))


def _constant(
    source: Model, graph: Graph, inputs: Sequence[str], part: WeightedInputs, layer: LayerScales
) -> NamedConstant | None:
    """The constant that a layer's weights were made of, and its scales before they were."""
    w = inputs[part.weights]
    names = [*constant_names(w)]
    name = next((each for each in reversed(names) if each in source.weight_axes), None)
    original = next((each for each in reversed(names) if each in source.graph.constants), None)
    weights = graph.constants.get(w)
    if name is None or original is None or weights is None or len(weights) != len(layer.scale):
        return None
    bias = np.zeros(len(weights), np.float32)
    axis = source.weight_axes[name]
    before = source.graph.constants[original]
    scale = _before_passes(Layer(weights, bias, before, axis, before.ndim), np.array(layer.scale))
    if scale is None:
        return None
    return NamedConstant(name, axis % before.ndim, tuple(scale.tolist()), layer.bits)


def _before_passes(layer: Layer, scale: Float64) -> Float64 | None:
    """The scales that `after_passes` makes these of, None where there are none."""
    # What it makes of the channels' numbers shows where they went, or by what they were multiplied.
    numbers = np.arange(1.0, len(scale) + 1)
    found = after_passes(layer, numbers)
    if found is None:
        return None
    moved, changed = found
    before = np.empty_like(scale)
    if changed is None:
        before[moved.astype(np.intp) - 1] = scale
        return before
    before[:] = scale / (moved / numbers)
    return before.astype(np.float32).astype(np.float64)


def _without_conflicts(constants: Mapping[int, NamedConstant]) -> dict[int, NamedConstant]:
    """Without weights that several layers share and quantize differently."""
    groups: dict[str, set[NamedConstant]] = {}
    for each in constants.values():
        groups.setdefault(each.name, set()).add(each)
    return {index: each for index, each in constants.items() if len(groups[each.name]) == 1}


def named_program(program: Program, layers: Mapping[int, LayerScales], names: FileNames) -> NamedProgram:
    """The parameters of a program under the names of a file.

    Args:
        program: any program.
        layers: of `layer_scales`.
        names: of the file.
    """
    activations, changes = _activations(program, names)
    first = {
        index: next((n for n in each if n in activations), None) for index, each in names.tensors.items()
    }
    steps = tuple(
        NamedStep(
            step.name,
            step.op.kind,
            tuple(name for name in (first.get(each) for each in step.inputs) if name is not None),
            first.get(step.output),
            layers[index].known if index in layers else (),
            layers[index].groups if index in layers else 1,
            names.constants.get(index),
        )
        for index, step in enumerate(program.steps)
    )
    return NamedProgram(activations, steps, tuple(changes))


def _activations(program: Program, names: FileNames) -> tuple[dict[str, QuantParams], list[str]]:
    """Parameters by name: a tensor that has the very name comes before those it is only a form of."""
    found: dict[str, QuantParams] = {}
    changes: list[str] = []
    for name, index in sorted(
        _given(program, names), key=lambda each: program.tensors[each[1]].name != each[0]
    ):
        quant = program.tensors[index].quant
        if quant.dtype not in CODE_TYPES:
            changes.append(f"tensor {name!r}: left out, it is {quant.dtype.value}")
        elif found.setdefault(name, quant) != quant:
            own = program.tensors[index].name
            changes.append(f"tensor {own!r}: left out, {name!r} has other parameters")
    order = dict.fromkeys(name for name, _ in _given(program, names) if name in found)
    nameless = [
        f"tensor {each.name!r}: left out, it has no name here"
        for index, each in enumerate(program.tensors)
        if not names.tensors.get(index) and each.quant.dtype in CODE_TYPES
    ]
    return {name: found[name] for name in order}, [*dict.fromkeys(changes), *nameless]


def _given(program: Program, names: FileNames) -> Iterator[tuple[str, int]]:
    for index in range(len(program.tensors)):
        for name in names.tensors.get(index, ()):
            yield name, index
