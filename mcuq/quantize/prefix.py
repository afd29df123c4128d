"""The part of the network that is quantized already, run on calibration samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcuq.ir.graph import Graph, Node, Tensor
from mcuq.ir.integer import Rounding, quantize_tensor
from mcuq.ir.op import Operand
from mcuq.ir.types import Array, Float32

SAMPLES_AT_ONCE = 8


class Prefix:
    """Codes of the tensors that later nodes still read, for every sample.

    Args:
        graph: the graph whose nodes are run in order.
        tensors: quantized tensors by name; filled by the caller before a node is run.
        constants: their codes, likewise.
        rounding: the requantization contract.
        inputs: real values of the graph's input tensors, `[n, *device shape]`.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, Tensor],
        constants: Mapping[str, Array],
        rounding: Rounding,
        inputs: Mapping[str, Float32],
    ) -> None:
        self._tensors, self._constants, self._rounding = tensors, constants, rounding
        self._limits: dict[str, tuple[int, int]] = {}
        self._values: dict[str, Array] = {}
        self._readers = {name: len(graph.consumers(name)) for name in graph.tensors}
        for name, real in inputs.items():
            quant = tensors[name].quant
            assert quant is not None
            self._values[name] = quantize_tensor(real, quant)
        self._samples = len(next(iter(inputs.values())))

    def codes(self, name: str) -> Array:
        """The codes of a tensor that was computed, int8 `[n, *shape]`."""
        return self._values[name]

    def operand(self, name: str) -> Operand:
        """A tensor as an operator's lowering sees it."""
        tensor = self._tensors[name]
        quant = tensor.quant
        assert quant is not None
        if name in self._constants:
            return Operand(tensor.shape, quant, self._constants[name])
        limits = self._limits.get(name, (quant.dtype.qmin, quant.dtype.qmax))
        return Operand(tensor.shape, quant, None, *limits)

    def run(self, node: Node) -> None:
        """Lower a node and compute its output; what no later node reads is forgotten.

        Args:
            node: its inputs are computed, its constants quantized.

        Raises:
            LoweringRefusal: as the operator's `lower`.
        """
        read = [name for index, name in enumerate(node.inputs) if index not in node.op.constant_inputs]
        if node.op.is_view:
            (name,) = read
            self._values[node.output] = self._values[name].reshape(
                self._samples, *self._tensors[node.output].shape
            )
            if name in self._limits:
                self._limits[node.output] = self._limits[name]
        else:
            step = node.op.lower(
                [self.operand(name) for name in node.inputs], self.operand(node.output), self._rounding
            )
            self._limits.update(zip(node.outputs, step.code_ranges(), strict=True))
            parts = []
            for start in range(0, self._samples, SAMPLES_AT_ONCE):
                count = min(SAMPLES_AT_ONCE, self._samples - start)
                parts.append(step.run_outputs(*(self._chunk(name, start, count) for name in read)))
            for name, found in zip(node.outputs, zip(*parts, strict=True), strict=True):
                self._values[name] = np.concatenate(found)
        self._forget(read)

    def _chunk(self, name: str, start: int, count: int) -> Array:
        if name in self._constants:
            codes = self._constants[name]
            return np.broadcast_to(codes, (count, *codes.shape))
        return self._values[name][start : start + count]

    def _forget(self, read: list[str]) -> None:
        for name in dict.fromkeys(read):
            self._readers[name] -= 1
            if not self._readers[name]:
                self._values.pop(name, None)
