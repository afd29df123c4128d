"""What the first normalization of a model says about the values of its input."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mcuq.calibrate.params import Range
from mcuq.ir.graph import Graph, Node
from mcuq.ir.normalization import Normalization
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64
from mcuq.ops.pad import Pad

# Ranges that inputs are made for by design: codes, unit interval, centred codes and units.
USUAL_RANGES = (Range(0.0, 255.0), Range(0.0, 1.0), Range(-1.0, 1.0), Range(-128.0, 127.0))
# Pictures and the like: the mean lies well inside, the deviation is this share of the width.
_MIDDLE = 0.15
_DEVIATIONS = (0.12, 0.45)
_SIGMAS = 6.0


def guess_input_ranges(graph: Graph, normalizations: Iterable[Normalization]) -> dict[str, Range]:
    """The range of inputs that reach a normalization through one layer with weights, by port name.

    In training the layer's outputs `b + sum w x` had the running mean and variance. With a common mean m and
    covariance `p` of a value with itself, `q` between different ones, least squares over the channels give
    `mean - b = m sum w` and `variance = p |w|^2 + q (sum w)^2`; the input has variance p + q.

    Args:
        graph: at Stage.FLOAT.
        normalizations: of the same model.
    """
    ports = {port.tensor: port.name for port in graph.inputs}
    found: dict[str, Range] = {}
    for each in normalizations:
        layer = _producer(graph, each.x)
        if layer is None or not isinstance(layer.op, WeightedOp):
            continue
        tensor = _source(graph, layer.inputs[0])
        if tensor in ports and ports[tensor] not in found:
            moments = _moments(graph, layer, each)
            if moments is not None:
                found[ports[tensor]] = usual_range(*moments)
    return found


def usual_range(mean: float, deviation: float) -> Range:
    """The first usual range that such values fill, else the mean and six deviations to either side."""
    for each in USUAL_RANGES:
        width = each.hi - each.lo
        is_centred = _MIDDLE <= (mean - each.lo) / width <= 1 - _MIDDLE
        if is_centred and _DEVIATIONS[0] <= deviation / width <= _DEVIATIONS[1]:
            return each
    return Range(mean - _SIGMAS * deviation, mean + _SIGMAS * deviation)


def _moments(graph: Graph, layer: Node, each: Normalization) -> tuple[float, float] | None:
    """Mean and deviation of a layer's input; None where the statistics do not tell."""
    _, w, b = (np.asarray(graph.constants.get(name, ()), np.float64) for name in layer.inputs)
    w = w.reshape(len(w), -1)
    if len(w) != len(each.mean) or b.shape != each.mean.shape:
        return None
    # A channel counts by how sharply it sees the input, not by the size of its weights.
    scale = 1 / each.deviation
    sums, squares = w.sum(axis=1) * scale, (w * w).sum(axis=1) * scale**2
    if not sums.any():
        return None
    mean = float(sums @ ((each.mean - b) * scale) / (sums @ sums))
    variance = _variance(squares, sums * sums)
    return None if variance <= 0 else (mean, float(np.sqrt(variance)))


def _variance(squares: Float64, sums: Float64) -> float:
    """The sum of p and q >= 0 for which `p squares + q sums` comes nearest to 1."""
    terms = np.stack([squares, sums], axis=1)
    both = np.linalg.lstsq(terms, np.ones(len(terms)), rcond=None)[0]
    if both.min() >= 0:
        return float(both.sum())
    single = [float(term.sum() / (term @ term)) if term.any() else 0.0 for term in terms.T]
    errors = [float(((value * term - 1) ** 2).sum()) for value, term in zip(single, terms.T, strict=True)]
    return single[int(np.argmin(errors))]


def _producer(graph: Graph, tensor: str) -> Node | None:
    """The operator that computes a tensor, past changes of layout."""
    return graph.producer(_source(graph, tensor, is_padded=False))


def _source(graph: Graph, tensor: str, *, is_padded: bool = True) -> str:
    """The tensor whose values another one holds, in another layout and perhaps with a border."""
    while (node := graph.producer(tensor)) is not None and (
        node.op.is_layout or (is_padded and isinstance(node.op, Pad))
    ):
        tensor = node.inputs[0]
    return tensor
