"""Where passes would merge operators across a quantization that must stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mcuq.onnxio.node import OnnxNode

# Operators whose output has the values of their input; a maximum of codes is the code of the maximum, and
# clipping codes is the code of the clipped value.
MOVES = frozenset(
    {
        "Clip", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather", "GlobalMaxPool", "Identity",
        "MaxPool", "Pad", "ReduceMax", "Relu", "Reshape", "Resize", "Slice", "SpaceToDepth", "Split",
        "Squeeze", "Tile", "Transpose", "Unsqueeze", "Upsample",
    }
)  # fmt: skip
QUANTIZE = frozenset({"QuantizeLinear", "com.microsoft.QuantizeLinear"})
DEQUANTIZE = frozenset({"DequantizeLinear", "com.microsoft.DequantizeLinear"})
_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Softmax"})
_MEANS = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean"})
_JOINS = frozenset({"Add", "Mul", "Sub"})
_ENDS = frozenset({"ArgMax", "Concat"})
_MOST = 64


class Barriers:
    """Tells where parameters need an operator of their own.

    Args:
        nodes: all nodes, integer operators expanded.
        is_constant: whether a name is a constant.
    """

    def __init__(self, nodes: Sequence[OnnxNode], is_constant: Callable[[str], bool]) -> None:
        """Index the nodes."""
        self._constants: set[str] = set()
        for node in nodes:
            # Constants do not know yet what is quantized in the file.
            is_folded = node.op_type in QUANTIZE | DEQUANTIZE or all(map(is_constant, node.outputs))
            inputs = [name for name in node.inputs if name]
            if is_folded and all(is_constant(name) or name in self._constants for name in inputs):
                self._constants.update(node.outputs)
        self._is_constant = is_constant
        self._producer = {name: node for node in nodes for name in node.outputs if name}
        readers: dict[str, list[OnnxNode]] = {}
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                readers.setdefault(name, []).append(node)
        self._readers: Mapping[str, list[OnnxNode]] = readers

    def is_needed(self, x: str, codes: str) -> bool:
        """Whether a pass could merge the operator before a quantization with one behind it.

        A layer keeps its output apart from the layer behind it. Scales, shifts and functions of one element
        do not: passes fold them into what is beside them, and the quantization between would be lost.

        Args:
            x: the tensor that is quantized.
            codes: the result of QuantizeLinear.
        """
        origin = self._origin(x)
        kinds = _LAYERS | _MEANS | _JOINS | _ENDS
        if origin is not None:
            if self._kind(origin) not in kinds:
                return True
            if origin.op_type not in _LAYERS:
                # Means of means and sums of sums are merged too.
                kinds = kinds - (_MEANS if origin.op_type in _MEANS else _JOINS)
        return not self._all_read_by(codes, kinds)

    def dequantizer(self, codes: str) -> OnnxNode | None:
        """The first DequantizeLinear that reads codes, directly or through what only moves them."""
        waiting, seen = [codes], {codes}
        while waiting and len(seen) <= _MOST:
            for node in self._readers.get(waiting.pop(0), ()):
                if node.op_type in DEQUANTIZE and node.inputs[0] in seen:
                    return node
                if node.op_type in MOVES:
                    fresh = [each for each in node.outputs if each and each not in seen]
                    waiting += fresh
                    seen.update(fresh)
        return None

    def _kind(self, node: OnnxNode) -> str:
        """The operator; one of a tensor and a constant is none that keeps apart."""
        if node.op_type in _JOINS and any(
            self._is_constant(name) or name in self._constants for name in node.inputs
        ):
            return f"{node.op_type} of a constant"
        return node.op_type

    def _origin(self, x: str) -> OnnxNode | None:
        """What computes the values of a tensor, None for an input of the model."""
        node = self._producer.get(x)
        for _ in range(_MOST):
            if node is None or node.op_type not in MOVES or not node.inputs:
                break
            node = self._producer.get(node.inputs[0])
        return node

    def _all_read_by(self, name: str, kinds: frozenset[str]) -> bool:
        """Whether all that reads a tensor, through what only moves values, is of certain kinds."""
        waiting, seen = [name], {name}
        while waiting:
            for node in self._readers.get(waiting.pop(), ()):
                if node.op_type in MOVES | DEQUANTIZE:
                    fresh = [each for each in node.outputs if each and each not in seen]
                    waiting += fresh
                    seen.update(fresh)
                elif node.op_type not in QUANTIZE and self._kind(node) not in kinds:
                    return False
            if len(seen) > _MOST:
                return False
        return True
