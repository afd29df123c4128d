"""The tensors by which quantized networks are compared."""

from __future__ import annotations

from mcuq.ir.graph import Graph


def judged_tensors(graph: Graph) -> tuple[str, ...]:
    """The tensors by which quantized networks are compared: outputs, and logits rather than probabilities."""
    return tuple(dict.fromkeys(_before_softmax(graph, port.tensor) for port in graph.outputs))


def _before_softmax(graph: Graph, name: str) -> str:
    """The tensor that a final softmax or argmax reads: probabilities near 0 and 1 hide errors."""
    current = name
    while (node := graph.producer(current)) is not None and len(node.inputs) == 1:
        if node.op.is_judged_by_input:
            return node.inputs[0]
        if not node.op.is_layout:
            break
        current = node.inputs[0]
    return name
