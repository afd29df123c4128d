"""What an importer works with: shapes and constants of its inputs, and the graph it adds to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from mcuq.ir.graph import Node, Tensor
from mcuq.ir.op import Op
from mcuq.ir.types import Array, Shape, freeze
from mcuq.onnxio.importers.graph_limits import GraphLimits
from mcuq.onnxio.names import Names
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.onnxio.tensors import Budget


class ImportContext:
    """The graph under construction.

    Args:
        opset: version of ONNX's own operators.
        tensor_names: every name of the file, so that made names differ from them.
    """

    def __init__(self, opset: int, tensor_names: set[str]) -> None:
        """Start with an empty graph."""
        self.opset = opset
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.graph_constants: dict[str, Array] = {}
        self.values: dict[str, Array] = {}  # constants of the file, folded ones included
        self.indices: set[str] = set()  # tensors of integers, computed at run time
        self.given: set[str] = set()  # of these, numbers of inputs
        self.reals: set[str] = set()  # tensors of reals that integers became
        self.truths: set[str] = set()  # tensors of truth values, which are the numbers 0 and 1
        self.notes: list[str] = []  # what became something else than in the file
        self.used: set[str] = set()  # what a node reads or the model returns
        self.stored: dict[str, onnx.TensorProto] = {}  # constants that are read where a node wants them
        self.visit: Callable[[OnnxNode], None] = self.begin  # adds a node that stands inside another one
        self._tensor_names = Names()
        self._node_names = Names()
        for name in sorted(tensor_names):
            self._tensor_names.claim(name)
        self._current = ""
        self.budget = Budget()
        self.limits = GraphLimits()

    def begin(self, node: OnnxNode) -> None:
        """Name what comes next after this node."""
        self._current = node.name

    def shape(self, name: str) -> Shape:
        """The shape of an activation or constant."""
        if name in self.values:
            return tuple(self.values[name].shape)
        return self.tensors[name].shape

    def dtype(self, name: str) -> np.dtype[np.generic]:
        """The type of an activation or constant in the file."""
        if name in self.values:
            return self.values[name].dtype
        return np.dtype(np.int64 if name in self.indices else np.float32)

    def is_constant(self, name: str) -> bool:
        """Whether a name is a constant of the file."""
        return name in self.values

    def constant(self, name: str, role: str) -> Array:
        """The value of an input that must be constant.

        Raises:
            Refused: M004.
        """
        if not name:
            raise Refused("M002", f"its {role}: the input is missing", "export the model again")
        if name not in self.values:
            raise unsupported(
                f"its {role}: {quoted(name)} is computed at run time", f"make the {role} constant"
            )
        return self.values[name]

    def weights(self, name: str, role: str) -> Array:
        """A float constant in its own precision, without NaN and infinity.

        Raises:
            Refused: M004 or M005.
        """
        array = self.constant(name, role)
        if array.dtype.kind != "f":
            raise unsupported(f"its {role}: {quoted(name)} has type {array.dtype}", "store it as float32")
        if not np.isfinite(array).all():
            raise Refused("M005", f"its {role} is infinite", "train or export the model again", name)
        return array

    def activation(self, name: str | None) -> str:
        """The name of an input that must be computed at run time.

        Raises:
            Refused: M004 for constants, M002 where the input is left out.
        """
        if name is None:
            raise Refused("M002", "an input is missing", "export the model again")
        if name in self.values:
            raise unsupported(
                f"its input {quoted(name)} is a constant", "fold constants before exporting (onnxsim does)"
            )
        return name

    def operand(self, name: str | None) -> str:
        """The graph's name of an input that may be a tensor or a constant; a constant is added to the graph.

        Raises:
            Refused: M002, M004 or M005.
        """
        if name is None:
            raise Refused("M002", "an input is missing", "export the model again")
        if name not in self.values:
            return name
        return self.store(self.weights(name, "constant operand"), name)

    def store(self, array: Array, hint: str) -> str:
        """Add a constant to the graph and name it after `hint`."""
        self.budget.take(array.size)
        name = self._tensor_names.claim(f"{hint} [constant]" if hint in self.tensors else hint)
        if hint in self.values and hint not in self.graph_constants:
            name = hint  # the file's own constant keeps its name the first time
        self.tensors[name] = Tensor(name, tuple(array.shape))
        self.graph_constants[name] = freeze(array)
        return name

    def emit(self, op: Op, inputs: tuple[str, ...], output: str, *, is_helper: bool = False) -> str:
        """Add an operator.

        Args:
            op: the operator.
            inputs: names of activations and of constants of the graph.
            output: the file's name of the result.
            is_helper: whether the operator only serves another one, which keeps the node's name.

        Raises:
            ShapeError: the inputs do not fit.
            Refused: M011.
        """
        self.emit_several(op, inputs, (output,), is_helper=is_helper)
        return output

    def emit_several(
        self, op: Op, inputs: tuple[str, ...], outputs: tuple[str, ...], *, is_helper: bool = False
    ) -> None:
        """Add an operator with any number of outputs; otherwise as `emit`."""
        shapes = tuple(self.tensors[name].shape for name in inputs)
        made = op.infer_outputs(*shapes)
        for shape in made:
            if 0 in shape:
                raise Refused("M006", f"its output has shape {shape}: it is empty", "export the model again")
            self.limits.take(op, shapes, shape)
        name = f"{self._current} [{op.kind}]" if is_helper else self._current
        self.nodes.append(Node(self._node_names.claim(name), op, inputs, outputs))
        self.tensors.update((output, Tensor(output, s)) for output, s in zip(outputs, made, strict=True))

    def temporary(self, output: str, role: str) -> str:
        """A free name for a tensor on the way to `output`."""
        return self._tensor_names.claim(f"{output} [{role}]")
