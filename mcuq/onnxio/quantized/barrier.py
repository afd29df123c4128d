"""Where passes would merge operators across a quantization that must stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mcuq.onnxio.importers.effect import Merging, Values
from mcuq.onnxio.importers.reader import ReaderTable
from mcuq.onnxio.node import OnnxNode

QUANTIZE_OPS = frozenset({"QuantizeLinear", "com.microsoft.QuantizeLinear"})
DEQUANTIZE_OPS = frozenset({"DequantizeLinear", "com.microsoft.DequantizeLinear"})
# What keeps apart, so that no pass merges across a quantization beside it.
_APART = frozenset(Merging) - {Merging.ANYTHING}
_PASSED_ON = frozenset({Values.TAKEN, Values.VIEWED})
_MOST = 64


class Barriers:
    """Tells where parameters need an operator of their own.

    Args:
        nodes: all nodes, integer operators expanded.
        is_constant: whether a name is a constant.
        readers: know what operators do to values.
    """

    def __init__(
        self, nodes: Sequence[OnnxNode], is_constant: Callable[[str], bool], readers: ReaderTable
    ) -> None:
        self._table = readers
        self._constants: set[str] = set()
        for node in nodes:
            # Constants do not know yet what is quantized in the file.
            is_folded = node.op_type in QUANTIZE_OPS | DEQUANTIZE_OPS or all(map(is_constant, node.outputs))
            inputs = [name for name in node.inputs if name]
            if is_folded and all(is_constant(name) or name in self._constants for name in inputs):
                self._constants.update(node.outputs)
        self._is_constant = is_constant
        self._producer = {name: node for node in nodes for name in node.outputs if name}
        read_by: dict[str, list[OnnxNode]] = {}
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                read_by.setdefault(name, []).append(node)
        self._readers: Mapping[str, list[OnnxNode]] = read_by

    def is_needed(self, x: str, codes: str) -> bool:
        """Whether a pass could merge the operator before a quantization with one behind it.

        A layer keeps its output apart from the layer behind it. Scales, shifts and functions of one element
        do not: passes fold them into what is beside them, and the quantization between would be lost.

        Args:
            x: the tensor that is quantized.
            codes: the result of QuantizeLinear.
        """
        origin = self._origin(x)
        apart = _APART
        if origin is not None:
            merging = self._merging(origin)
            if merging not in apart:
                return True
            if merging is not Merging.LAYERS:
                # Means of means and sums of sums are merged too.
                apart = apart - {Merging.MEANS if merging is Merging.MEANS else Merging.SUMS}
        return not self._all_read_by(codes, apart)

    def dequantizer(self, codes: str) -> OnnxNode | None:
        """The first DequantizeLinear that reads codes, directly or through what only moves them."""
        waiting, seen = [codes], {codes}
        while waiting and len(seen) <= _MOST:
            for node in self._readers.get(waiting.pop(0), ()):
                if node.op_type in DEQUANTIZE_OPS and node.inputs[0] in seen:
                    return node
                if self._is_passed_on(node):
                    fresh = [each for each in node.outputs if each and each not in seen]
                    waiting += fresh
                    seen.update(fresh)
        return None

    def _is_passed_on(self, node: OnnxNode) -> bool:
        """Whether an operator gives the values of its first input."""
        return self._table.effect(node).values in _PASSED_ON

    def _merging(self, node: OnnxNode) -> Merging:
        """What passes merge an operator with; a sum with a constant is a shift."""
        merging = self._table.effect(node).merging
        if merging is Merging.SUMS and any(
            self._is_constant(name) or name in self._constants for name in node.inputs
        ):
            return Merging.ANYTHING
        return merging

    def _origin(self, x: str) -> OnnxNode | None:
        """What computes the values of a tensor, None for an input of the model."""
        node = self._producer.get(x)
        for _ in range(_MOST):
            if node is None or not self._is_passed_on(node) or not node.inputs:
                break
            node = self._producer.get(node.inputs[0])
        return node

    def _all_read_by(self, name: str, kinds: frozenset[Merging]) -> bool:
        """Whether all that reads a tensor, through what only moves values, is of certain kinds."""
        waiting, seen = [name], {name}
        while waiting:
            for node in self._readers.get(waiting.pop(), ()):
                if node.op_type in DEQUANTIZE_OPS or self._is_passed_on(node):
                    fresh = [each for each in node.outputs if each and each not in seen]
                    waiting += fresh
                    seen.update(fresh)
                elif node.op_type not in QUANTIZE_OPS and self._merging(node) not in kinds:
                    return False
            if len(seen) > _MOST:
                return False
        return True
