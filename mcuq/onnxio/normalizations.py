"""The BatchNormalization nodes of an ONNX file with the statistics they carry."""

from __future__ import annotations

import numpy as np

from mcuq.ir.normalization import Normalization
from mcuq.ir.types import Array
from mcuq.onnxio.load import Source
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused
from mcuq.onnxio.tensors import to_array


def read_normalizations(source: Source) -> tuple[Normalization, ...]:
    """The normalizations of a file whose nodes are known to be sound, in their order.

    One whose parameters are computed by other nodes than Constant and Identity is left out: its statistics
    are advice, so there is nothing to refuse.
    """
    producers = {name: node for node in source.nodes for name in node.outputs}
    found = (_read(source, producers, node) for node in source.nodes if node.op_type == "BatchNormalization")
    return tuple(each for each in found if each is not None)


def _read(source: Source, producers: dict[str, OnnxNode], node: OnnxNode) -> Normalization | None:
    values = [_value(source, producers, name) for name in node.inputs[1:5]]
    parameters = [value.astype(np.float64) for value in values if value is not None and value.ndim == 1]
    if len(parameters) != 4 or len({len(each) for each in parameters}) != 1:
        return None
    gamma, beta, mean, variance = parameters
    epsilon = node.get_float("epsilon", 1e-5)
    deviation = np.sqrt(np.maximum(variance + epsilon, 0.0))
    if not all(np.isfinite(each).all() for each in parameters) or not deviation.all():
        return None
    return Normalization(node.inputs[0], node.output, gamma, beta, mean, deviation, epsilon)


def _value(source: Source, producers: dict[str, OnnxNode], name: str) -> Array | None:
    """A stored constant, through Identity and Constant nodes."""
    while (node := producers.get(name)) is not None and node.op_type == "Identity":
        name = node.inputs[0]
    stored = source.initializers.get(name)
    if node is not None and node.op_type == "Constant":
        stored = next((a.t for a in node.proto.attribute if a.name == "value"), None)
    if stored is None:
        return None
    try:
        return to_array(stored, source.folder)
    except Refused:
        return None
