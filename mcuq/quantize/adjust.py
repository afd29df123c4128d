"""Quantization with weights that are adjusted to calibration samples, layer by layer."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.ir.graph import Graph, Node
from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Array, DType, Float32, Float64
from mcuq.quantize.activation_widths import fit_widths
from mcuq.quantize.activations import ALL_NARROW, Widths, assign_params
from mcuq.quantize.prefix import SAMPLES_AT_ONCE, Prefix
from mcuq.quantize.quantize import Draft, start_draft
from mcuq.quantize.reference import Reference, held_out_mask, mean_rows, sample_reader
from mcuq.quantize.report import LayerReport, WeightReport
from mcuq.quantize.rounding.choose import Methods, choose_weights
from mcuq.quantize.rounding.layer_problem import HeldOut, InputMoments, LayerProblem
from mcuq.quantize.rounding.rows import RowReader, from_matrix, to_matrix
from mcuq.quantize.weights import QuantizedWeights, encode_weights, quantize_weights, weight_scales

# Rows that moments are taken from: enough for the size of the layer, as far as there are so many.
_MOST_ROWS, _LEAST_ROWS, _ROWS_PER_INPUT = 40_000, 8_192, 64
_EXACT_ROWS = 256  # 256 * 255 * 255 < 2^24: their products add up exactly in float32


def adjust_graph(
    graph: Graph,
    ranges: Ranges,
    scheme: Scheme,
    rounding: Rounding,
    reference: Reference,
    methods: Methods,
    is_per_channel: bool = True,
    exceptions: Mapping[str, Methods] = MappingProxyType({}),
    widths: Widths = ALL_NARROW,
    bits: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Graph, WeightReport]:
    """Quantize a graph as `quantize_graph` does, with weights and biases fitted to calibration samples.

    Layers are fitted in order, each to the inputs that the integer layers before it give.

    Args:
        graph: stage CANONICAL.
        ranges: of `mcuq.quantize.activations.calibrated_tensors`.
        scheme: of the activations.
        rounding: the requantization contract.
        reference: the float model on the samples.
        methods: what is tried.
        is_per_channel: whether every output channel has a weight scale of its own.
        exceptions: other methods for some layers, by output tensor; for experiments.
        widths: which tensors are int16.
        bits: of the weights of some layers, by output tensor; as the methods say of the others.

    Returns:
        A graph of stage QUANTIZED, and what was done to each layer.
    """
    graph, ranges, widths = fit_widths(graph, ranges, widths)
    draft = start_draft(graph, assign_params(graph, ranges, scheme, widths))
    prefix = Prefix(draft.graph, draft.tensors, draft.constants, rounding, reference.inputs)
    layers: list[LayerReport] = []
    has_narrow = any(each < 8 for each in bits.values())
    is_running = True
    for node in draft.graph.nodes:
        if isinstance(node.op, WeightedOp):
            chosen = exceptions.get(node.output, methods)
            chosen = dataclasses.replace(chosen, bits=bits.get(node.output, chosen.bits))
            adjuster = _Adjuster(draft, prefix, reference, chosen, is_per_channel, has_narrow)
            weights, report = adjuster.fit(node, node.op) if is_running else (adjuster.nearest(node), None)
            done = draft.add_layer(node, weights)
            layers += [report] if report is not None else []
        else:
            done = draft.add_nearest(node, is_per_channel)
        try:
            if is_running:
                prefix.run(done)
        except LoweringRefusal:
            # Lowering will say so, with all other refusals; what follows has no inputs to be fitted to.
            is_running = False
    return draft.finish(), WeightReport(tuple(layers))


@dataclasses.dataclass(frozen=True)
class _Adjuster:
    """Fits one layer of a draft."""

    draft: Draft
    prefix: Prefix
    reference: Reference
    methods: Methods
    is_per_channel: bool
    has_narrow: bool = False

    def nearest(self, node: Node) -> QuantizedWeights:
        """The weights without an adjustment."""
        x, w, b = node.inputs
        weights, bias = (self.draft.graph.constants[name] for name in (w, b))
        step = self.draft.step_of(x)
        return quantize_weights(weights, bias, step, self.is_per_channel, self.methods.bits)

    def fit(self, node: Node, op: WeightedOp) -> tuple[QuantizedWeights, LayerReport]:
        """The adjusted weights, and what was done."""
        x, w, b = node.inputs
        weights, bias = (self.draft.graph.constants[name] for name in (w, b))
        step = self.draft.step_of(x)
        problem = self._problem(node, op)
        scales = functools.partial(weight_scales, weights, bias, step, self.is_per_channel)

        def scale_of(factors: Float64) -> Float64:
            return scales(factors.reshape(-1), self.methods.qmax).reshape(factors.shape)

        solution, gains = choose_weights(problem, scale_of, self.methods, self.is_per_channel)
        codes = from_matrix(solution.codes, weights.shape)
        scale, own_bias = solution.scale.reshape(-1), solution.bias.reshape(-1) * step
        layer = encode_weights(codes, scale, own_bias, step, self.methods.bits)
        return layer, LayerReport(node.name, gains)

    def _problem(self, node: Node, op: WeightedOp) -> LayerProblem:
        x, w, b = node.inputs
        quant, codes = self.draft.tensors[x].quant, self.prefix.codes(x)
        assert quant is not None
        zero, held = quant.zero_point, held_out_mask(len(codes))
        fitted = codes[~held]
        matrix = to_matrix(op, self.draft.graph.constants[w]).astype(np.float64)
        rows = min(_MOST_ROWS, max(_LEAST_ROWS, _ROWS_PER_INPUT * matrix.shape[1]))
        reader = RowReader.at_most(op, codes.shape[1:], len(fitted), rows)
        target = self.reference.layers[node.output]
        bias = self.draft.graph.constants[b].astype(np.float64).reshape(len(matrix), -1)
        held_reader = sample_reader(op, self.draft.graph, node, int(held.sum()))
        return LayerProblem(
            weights=matrix,
            bias=bias / quant.step,
            moments=input_moments(reader, fitted, zero),
            mean_input=mean_rows(reader, fitted.mean(axis=0, dtype=np.float64) - zero),
            mean_target=target.mean / quant.step,
            held_out=HeldOut(
                held_reader.read(codes[held].astype(np.float64) - zero),
                target.held_out.astype(np.float64) / quant.step,
            ),
            limits=(op.clamp.lo / quant.step, op.clamp.hi / quant.step),
            fit_rows=self._fit_rows(node, op, fitted, zero),
            fitted=self._fitted(node, op, fitted, zero, quant.step),
        )

    def _fitted(
        self, node: Node, op: WeightedOp, codes: Array, zero_point: int, step: float
    ) -> HeldOut | None:
        """What weights aim at beside layers of few bits and behind fine activations: the float model's sums.

        Errors of weights are functions of the input, which later layers can make up for; the rounding of int8
        activations is not. Where there is so little to gain, a layer needs at least as many rows as it has
        inputs: what fewer of them say is mostly of these samples.
        """
        target = self.reference.layers[node.output].fitted
        if target is None or not (self.has_narrow or self._is_fine(node, op, target.shape[1])):
            return None
        reader = sample_reader(op, self.draft.graph, node, len(codes))
        rows = reader.read(codes.astype(np.float64) - zero_point)
        return HeldOut(rows, target.astype(np.float64) / step)

    def _is_fine(self, node: Node, op: WeightedOp, rows: int) -> bool:
        """Whether a layer reads int16, and rows enough to change its weights by."""
        x, w, _ = node.inputs
        inputs = to_matrix(op, self.draft.graph.constants[w]).shape[1]
        return self.draft.tensors[x].dtype is DType.INT16 and rows >= inputs

    def _fit_rows(self, node: Node, op: WeightedOp, fitted: Array, zero_point: int) -> Array | None:
        """What AdaRound learns from: as many rows as judge it."""
        if self.methods.rounding != "adaround":
            return None
        reader = sample_reader(op, self.draft.graph, node, len(fitted))
        return reader.read(fitted.astype(np.float64) - zero_point)


def input_moments(reader: RowReader, codes: Array, zero_point: int) -> InputMoments:
    """The moments of a layer's quantized inputs; sums of whole numbers, so exact in any order.

    Args:
        reader: which inputs.
        codes: int8 or int16 `[n, *shape]`.
        zero_point: subtracted from every code.
    """
    second: Float64 | float = 0.0
    total: Float64 | float = 0.0
    count = 0
    # Sums of products of int16 are below 2^53, as long as there are fewer rows than 2^23.
    real = np.dtype(np.float32 if codes.dtype == np.int8 else np.float64)
    for start in range(0, len(codes), SAMPLES_AT_ONCE):
        rows = reader.read(codes[start : start + SAMPLES_AT_ONCE].astype(real) - zero_point)
        second = second + _products(rows)
        total = total + rows.sum(axis=1, dtype=np.float64)
        count += rows.shape[1]
    return InputMoments.of_sums(np.asarray(second), np.asarray(total), count)


def _products(rows: Float32 | Float64) -> Float64:
    """`sum x x^T` of rows of whole numbers, `[G, R, K]` to `[G, K, K]`, exact: in float32 up to 255."""
    total: Float64 | float = 0.0
    for start in range(0, rows.shape[1], _EXACT_ROWS):
        part = rows[:, start : start + _EXACT_ROWS]
        total = total + (part.transpose(0, 2, 1) @ part).astype(np.float64)
    return np.asarray(total)
