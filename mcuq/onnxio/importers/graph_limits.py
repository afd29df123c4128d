"""Limits on the tensors and multiply-accumulates of a graph, checked before anything of that size is made."""

from __future__ import annotations

from mcuq.ir.op import Op
from mcuq.ir.types import MAX_MACS, MAX_TENSOR_ELEMS, Shape, elem_count
from mcuq.onnxio.refusal import Refused

# Calibration holds all tensors of one sample in float32, half a gigabyte at most.
MAX_GRAPH_ELEMS = 8 * MAX_TENSOR_ELEMS
# Operators that move values along an axis list its indices.
MAX_MOVED = 1 << 20


class GraphLimits:
    """Counts elements and multiply-accumulates of a graph under construction, without refused nodes."""

    def __init__(self) -> None:
        """Start with an empty graph."""
        self._elems = 0
        self._macs = 0

    def check(self, shape: Shape) -> None:
        """Check that a tensor of this shape is within the limits.

        Raises:
            Refused: M011.
        """
        elems = elem_count(shape)
        if elems > MAX_TENSOR_ELEMS:
            why = f"its output has shape {shape}, the limit is {MAX_TENSOR_ELEMS:_} elements"
            raise Refused("M011", why, "shrink it")
        if self._elems + elems > MAX_GRAPH_ELEMS:
            why = (
                f"with its output of shape {shape} all tensors have {self._elems + elems:_} elements, "
                f"the limit is {MAX_GRAPH_ELEMS:_}"
            )
            raise Refused("M011", why, "compile a smaller model")

    def check_moved(self, shape: Shape) -> None:
        """Check that a tensor whose values are moved along its axes is within the limits.

        Raises:
            Refused: M011.
        """
        self.check(shape)
        if max(shape, default=1) > MAX_MOVED:
            raise Refused(
                "M011", f"its output has shape {shape}, the limit is {MAX_MOVED:_} per axis", "shrink it"
            )

    def take(self, op: Op, shapes: tuple[Shape, ...], output: Shape) -> None:
        """Count an operator.

        Args:
            op: any operator.
            shapes: of its inputs.
            output: of its output.

        Raises:
            Refused: M011.
        """
        self.check(output)
        macs = op.macs(shapes, output)
        if self._macs + macs > MAX_MACS:
            why = (
                f"with it the model has {self._macs + macs:_} multiply-accumulates, the limit is {MAX_MACS:_}"
            )
            raise Refused("M011", why, "compile a smaller model")
        self._elems += elem_count(output)
        self._macs += macs
