"""The error of every layer at its own output, alone and in the network, and its causes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.analyze.floats import run_node, tensor_values
from mcuq.analyze.measures import cosine, power, sqnr_db
from mcuq.calibrate.data import Samples
from mcuq.ir.graph import Graph, Node
from mcuq.ir.integer import dequantize_array, quantize_tensor
from mcuq.ir.op import RangeRule
from mcuq.ir.program import Program, Step
from mcuq.ir.types import CODE_TYPES, Array, Float32, QuantParams
from mcuq.ops.weighted_step import WeightedStep
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import trace_program

CAUSES = ("weight rounding", "input rounding", "clipping", "output rounding", "multiplier")


@dataclasses.dataclass(frozen=True, slots=True)
class LayerError:
    """What quantization does to one layer.

    Args:
        name: the node's name.
        op: its kind.
        tensor: its output.
        local_sqnr_db: float inputs into the quantized layer; None where there is no error.
        local_cosine: likewise.
        cumulative_sqnr_db: in the quantized network.
        cumulative_cosine: likewise.
        causes: noise power by cause at the layer's output, relative to its signal.
        saturation: share of output values beyond the representable range.
        is_fixed: whether the operator, not calibration, chose its output's parameters.
    """

    name: str
    op: str
    tensor: str
    local_sqnr_db: float | None
    local_cosine: float | None
    cumulative_sqnr_db: float | None
    cumulative_cosine: float | None
    causes: Mapping[str, float]
    saturation: float
    is_fixed: bool


@dataclasses.dataclass(frozen=True)
class ObservedNetwork:
    """A network in both worlds on the same samples.

    Args:
        graph: stage CANONICAL.
        program: made from it.
        inputs: real inputs by name, `[n, *model shape]`.
        real: float values by tensor, `[n, *device shape]`.
        codes: the quantized network's codes by tensor.
        outputs: the float model's outputs by name.
    """

    graph: Graph
    program: Program
    inputs: Mapping[str, Float32]
    real: Mapping[str, Float32]
    codes: Mapping[str, Array]
    outputs: Mapping[str, Float32]


def observe_network(graph: Graph, program: Program, samples: Samples) -> ObservedNetwork:
    """Run the float graph and the program on the same samples and keep every tensor."""
    inputs = {name: samples.array(name) for name in samples.names}
    codes = {port.name: x for port, x in zip(program.inputs, quantize_inputs(program, inputs), strict=True)}
    by_tensor = {program.tensors[port.tensor].name: codes[port.name] for port in program.inputs}
    for _, step, ys in trace_program(program, list(codes.values())):
        for tensor, y in zip(step.outputs, ys, strict=True):
            by_tensor.setdefault(program.tensors[tensor].name, y)
    names = [name for node in graph.nodes for name in node.outputs]
    real = dict(tensor_values(graph, samples, names))
    for port, inner in zip(graph.inputs, program.inputs, strict=True):
        moved = inputs[port.name].transpose(0, *(axis + 1 for axis in port.perm))
        real[port.tensor] = np.ascontiguousarray(moved).reshape(-1, *program.tensors[inner.tensor].shape)
    outputs = {port.name: _to_model(real[port.tensor], port.model_shape, port.perm) for port in graph.outputs}
    return ObservedNetwork(graph, program, inputs, real, by_tensor, outputs)


def _to_model(values: Array, model_shape: tuple[int, ...], perm: tuple[int, ...]) -> Array:
    moved = values.reshape(len(values), *(model_shape[axis] for axis in perm))
    return np.ascontiguousarray(moved.transpose(0, *(axis + 1 for axis in np.argsort(perm))))


def analyze_layers(network: ObservedNetwork) -> tuple[LayerError, ...]:
    """The error of every step that computes something, in order."""
    nodes = {node.output: node for node in network.graph.nodes}
    tensors = network.program.tensors
    steps = [
        step
        for step in network.program.steps
        if tensors[step.output].name in nodes and tensors[step.output].quant.dtype in CODE_TYPES
    ]
    return tuple(_layer(network, step, nodes[tensors[step.output].name]) for step in steps)


def _layer(network: ObservedNetwork, step: Step, node: Node) -> LayerError:
    tensor = network.program.tensors[step.output]
    real = network.real[tensor.name]
    local = dequantize(step.op.run(*_input_codes(network, step)), tensor.quant).reshape(real.shape)
    cumulative = dequantize(network.codes[tensor.name], tensor.quant).reshape(real.shape)
    return LayerError(
        name=step.name,
        op=step.op.kind,
        tensor=tensor.name,
        local_sqnr_db=sqnr_db(real, local),
        local_cosine=cosine(real, local),
        cumulative_sqnr_db=sqnr_db(real, cumulative),
        cumulative_cosine=cosine(real, cumulative),
        causes=_causes(network, step, node, local),
        saturation=_saturation(real, tensor.quant),
        is_fixed=node.op.rule() is RangeRule.FIXED,
    )


def dequantize(codes: Array, quant: QuantParams) -> Float32:
    """The real values of codes."""
    scale = quant.step if quant.axis is None else np.array(quant.scale)
    return dequantize_array(codes, scale, quant.zero_point)


def _input_codes(network: ObservedNetwork, step: Step) -> list[Array]:
    """Codes of a step's float inputs; constants have theirs."""
    codes = []
    for index in step.inputs:
        tensor = network.program.tensors[index]
        real = network.real.get(tensor.name)
        if real is None:
            codes.append(network.codes[tensor.name].reshape(-1, *tensor.shape))
        else:
            codes.append(quantize_tensor(real, tensor.quant))
    return codes


def _limits(quant: QuantParams) -> tuple[float, float]:
    lo, hi = (quant.step * (code - quant.zero_point) for code in (quant.dtype.qmin, quant.dtype.qmax))
    return lo, hi


def _saturation(real: Array, quant: QuantParams) -> float:
    """Share of values more than half a step beyond the representable range."""
    lo, hi = _limits(quant)
    return float(((real < lo - quant.step / 2) | (real > hi + quant.step / 2)).mean())


def _causes(network: ObservedNetwork, step: Step, node: Node, local: Array) -> dict[str, float]:
    """Noise power by cause at the layer's output, relative to the output's signal."""
    tensor = network.program.tensors[step.output]
    real = network.real[tensor.name]
    signal = power(real)
    if signal == 0:
        return dict.fromkeys(CAUSES, 0.0)
    names = [name for name in dict.fromkeys(node.inputs) if name not in network.graph.constants]
    exact = {name: network.real[name] for name in names}
    rounded = {name: _rounded_input(network, name) for name in names}
    weights = quantized_constants(network, step, node)
    both = run_node(network.graph, node, rounded, weights).reshape(real.shape)
    lo, hi = _limits(tensor.quant)
    clipped = np.clip(real, lo, hi)
    ideal = _fake_quantize(both, tensor.quant)
    noise = {
        "weight rounding": power(run_node(network.graph, node, exact, weights).reshape(real.shape) - real)
        if weights
        else 0.0,
        "input rounding": power(run_node(network.graph, node, rounded, {}).reshape(real.shape) - real),
        "clipping": power(clipped - real),
        "output rounding": power(_fake_quantize(clipped, tensor.quant) - clipped),
        "multiplier": power(ideal - local),
    }
    return {cause: noise[cause] / signal for cause in CAUSES}


def _rounded_input(network: ObservedNetwork, name: str) -> Float32:
    """A float input after quantization with its own parameters."""
    tensor = next(t for t in network.program.tensors if t.name == name)
    return _fake_quantize(network.real[name], tensor.quant)


def _fake_quantize(real: Array, quant: QuantParams) -> Float32:
    return dequantize(quantize_tensor(real, quant), quant)


def quantized_constants(network: ObservedNetwork, step: Step, node: Node) -> dict[str, Array]:
    """The weights and bias that the integers stand for, by the node's constant names."""
    if not isinstance(step.op, WeightedStep):
        return {}
    params = step.op.params
    x = network.program.tensors[step.inputs[0]].quant
    y = network.program.tensors[step.output].quant
    # The multiplier is s_x * s_w / s_y to 31 bits: far below what weight rounding does.
    effective = np.array(params.requant.multiplier) * np.exp2(np.array(params.requant.shift) - 31.0)
    accumulator_scale = effective * y.step
    column = (accumulator_scale / x.step).reshape(-1, *[1] * (params.weights.ndim - 1))
    weights = (params.weights * column).astype(np.float32)
    bias = (params.bias * accumulator_scale).astype(np.float32)
    return {node.inputs[1]: weights, node.inputs[2]: bias}
