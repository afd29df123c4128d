"""Constants of a quantized file: loaded or folded when something needs their values."""

from __future__ import annotations

import numpy as np

from mcuq.ir.types import Array
from mcuq.onnxio.fold import FOLDABLE, Folder
from mcuq.onnxio.load import Source
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.onnxio.tensors import Budget, to_array


class Constants:
    """Everything in the file that is known when compiling.

    Args:
        source: the file.
    """

    def __init__(self, source: Source) -> None:
        """Know the initializers by name only."""
        self._source = source
        self._budget = Budget()
        self._folder = Folder(source.opset, source.ir_version, source.folder, self._budget)
        self._values: dict[str, Array] = {}
        self._pending: dict[str, OnnxNode] = {}

    def __contains__(self, name: str) -> bool:
        """Whether a name is a constant."""
        return name in self._values or name in self._pending or name in self._source.initializers

    def define(self, name: str, array: Array) -> None:
        """Add a constant."""
        self._values[name] = array

    def offer(self, node: OnnxNode) -> bool:
        """Take the outputs of a node as constants if they are; they are computed when needed."""
        inputs = [name for name in node.inputs if name]
        if node.op_type != "Constant" and (node.op_type not in FOLDABLE or not inputs):
            return False
        if not all(name in self for name in inputs):
            return False
        self._pending.update((name, node) for name in node.outputs if name)
        return True

    def value(self, name: str) -> Array:
        """The value of a constant.

        Raises:
            Refused: M002, M004, M005, M008 or M011.
        """
        stack = [name]
        while stack:
            top = stack[-1]
            if top in self._values:
                stack.pop()
            elif top in self._pending:
                node = self._pending[top]
                missing = [each for each in node.inputs if each and each not in self._values]
                stack.extend(missing)
                if not missing:
                    self._values.update(self.fold(node) or {})
            elif top in self._source.initializers:
                array = to_array(self._source.initializers[top], self._source.folder)
                self._budget.take(array.size)
                self._values[top] = array
            else:
                raise Refused("M004", f"{quoted(top)} is computed at run time", "make it a constant")
        return self._values[name]

    def fold(self, node: OnnxNode, replaced: dict[str, Array] | None = None) -> dict[str, Array] | None:
        """The outputs of a node of constants, some of its inputs replaced by other arrays."""
        operands = {each: self._values[each] for each in node.inputs if each in self._values}
        return self._folder.fold(node, operands | (replaced or {}))

    def moved_axis(self, node: OnnxNode, axis: int, shape: tuple[int, ...]) -> int | None:
        """The axis that an axis of a moved constant becomes, None where it is split or merged."""
        view = [-1 if each == axis else 1 for each in range(len(shape))]
        index = np.broadcast_to(np.arange(shape[axis], dtype=np.int32).reshape(view), shape)
        moved = (self.fold(node, {node.inputs[0]: np.ascontiguousarray(index)}) or {})[node.output]
        for candidate, size in enumerate(moved.shape):
            view = [-1 if each == candidate else 1 for each in range(moved.ndim)]
            if size == shape[axis] and (moved == np.arange(size).reshape(view)).all():
                return candidate
        return None
