"""What readers of TensorFlow Lite work with: the graph under construction and its integers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.graph import StateTie, Tensor
from mcuq.ir.op import Clamp, Op, RangeRule
from mcuq.ir.types import Array, Float32, QuantParams, Shape, freeze
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.refusal import Refused, quoted
from mcuq.tflite.load import TfliteSource
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor, check_scales

# The opset whose forms of operators readers of this format use.
_OPSET = 18
_LIMITS: dict[str, tuple[float, float]] = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU6": (0.0, 6.0),
}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TfliteVariable:
    """What keeps its value from run to run.

    Args:
        value: the graph's name of what it holds; its own where nothing has changed it.
        tie: the input of the graph that finds it, and its first value.
    """

    value: str
    tie: StateTie


class TfliteContext(ImportContext):
    """The graph under construction.

    Args:
        tensor_names: every name of the file, so that made names differ from them.
        has_codes: whether activations of the file are integers.
        graphs: that the model calls once.
    """

    def __init__(
        self, tensor_names: set[str], *, has_codes: bool, graphs: Sequence[TfliteSource] = ()
    ) -> None:
        """Start with an empty graph."""
        super().__init__(_OPSET, tensor_names)
        self.has_codes = has_codes
        self.quants: dict[str, QuantParams] = {}  # of activations
        self.encodings: dict[str, ConstantEncoding] = {}  # of constants of the graph
        self.weight_axes: dict[str, int] = {}
        self.read_as: dict[str, str] = {}  # what readers of a tensor see
        self.variables: dict[str, TfliteVariable] = {}
        self.graphs = graphs
        self.resources: dict[str, tuple[str, str]] = {}  # container and name by the tensor of the handle
        self.resource_names: dict[tuple[str, str], str] = {}  # what they are called in the graph
        self.first_values: dict[tuple[str, str], Float32] = {}
        self.held: dict[str, str] = {}  # what variables hold that are written before they are read

    def remembered(self, name: str, shape: Shape, initial: Float32, quant: QuantParams | None) -> str:
        """The graph's name of what a variable holds at this place; an input of the graph where it is new.

        Args:
            name: of the variable.
            shape: of its value.
            initial: real values of the first run.
            quant: its parameters, None in a float model.
        """
        if name not in self.variables:
            self.tensors[name] = Tensor(name, shape)
            self.variables[name] = TfliteVariable(name, StateTie(name, initial))
            if quant is not None:
                self.quants[name] = quant
        return self.variables[name].value

    def remember(self, name: str, value: str) -> None:
        """Let a variable hold a tensor of the graph from this place on."""
        self.variables[name] = dataclasses.replace(self.variables[name], value=value)

    def begin_node(self, node: TfliteNode) -> None:
        """Name what comes next after this node."""
        self._current = node.name

    def x(self, tensor: TfliteTensor) -> str:
        """The graph's name of an input, which may be a constant.

        Raises:
            Refused: M002 or M004.
        """
        name = self.read_as.get(tensor.name, tensor.name)
        if name in self.values:
            return self.operand(name)
        if name not in self.tensors:
            raise Refused("M002", f"{quoted(name)} is read before it is computed", CONVERT_AGAIN)
        return name

    def operand(self, name: str | None) -> str:
        """The graph's name of an input; that of an integer constant keeps its codes."""
        stored = super().operand(name)
        if name in self.encodings and stored != name:
            self.encodings[stored] = self.encodings[name]
        return stored

    def emit_several(
        self, op: Op, inputs: tuple[str, ...], outputs: tuple[str, ...], *, is_helper: bool = False
    ) -> None:
        """Add an operator; what it moves keeps its parameters, also in tensors that no file has."""
        super().emit_several(op, inputs, outputs, is_helper=is_helper)
        known = self.quants.get(inputs[0])
        if known is not None and op.rule() is RangeRule.SHARED:
            for output in outputs:
                self.quants.setdefault(output, known)

    def quant(self, tensor: TfliteTensor) -> QuantParams | None:
        """The parameters of an activation, None in a float model."""
        return tensor.quant() if self.has_codes else None

    def load(self, tensor: TfliteTensor) -> None:
        """Make the real values of a constant known; where it has codes, these too.

        Raises:
            Refused: M002, M004, M005, M011 or Q005.
        """
        if tensor.name in self.values:
            return
        stored = tensor.values()
        self.budget.take(stored.size)
        if not tensor.scale or stored.dtype.kind == "f":
            self.values[tensor.name] = (
                freeze(stored.astype(np.float32)) if stored.dtype.kind == "f" else stored
            )
            return
        codes, encoding = encode_constant(tensor, stored)
        shape = [1] * codes.ndim
        if encoding.axis is not None:
            shape[encoding.axis] = -1
        scale = np.array(encoding.scale, np.float32).reshape(shape)
        zero_point = np.array(encoding.zero_point, np.int64).reshape(shape)
        real = (codes.astype(np.int64) - zero_point).astype(np.float32) * scale
        self.values[tensor.name] = freeze(real)
        self.encodings[tensor.name] = encoding

    def clamp(self, activation: str, output: TfliteTensor) -> Clamp:
        """The limits of a fused activation; on integers, those of the codes that they become.

        Source: TensorFlow Lite, `CalculateActivationRangeQuantized`: limits are divided in float32.

        Args:
            activation: the schema's name.
            output: of the operator.

        Raises:
            Refused: M004.
        """
        if activation not in _LIMITS:
            raise Refused("M004", f"its fused activation is {activation}", "use RELU, RELU6 or RELU_N1_TO_1")
        lo, hi = _LIMITS[activation]
        quant = self.quant(output)
        if quant is None:
            return Clamp(lo, hi)
        scale = np.float32(quant.step)
        first, last = (_limit_code(limit, scale, quant.zero_point) for limit in (lo, hi))
        if Clamp(lo, hi).codes(quant) == (first, last):
            return Clamp(lo, hi)
        limits = tuple(
            end if code == bound else (code - quant.zero_point) * quant.step
            for code, bound, end in ((first, -128, -math.inf), (last, 127, math.inf))
        )
        clamp = Clamp(*limits)
        assert clamp.codes(quant) == (first, last), "limits that are codes give these codes"
        return clamp


def _limit_code(limit: float, scale: np.float32, zero_point: int) -> int:
    if math.isinf(limit):
        return 127 if limit > 0 else -128
    with np.errstate(over="ignore"):
        ratio = float(np.float32(limit) / scale)
    rounded = math.floor(abs(ratio) + 0.5) if math.isfinite(ratio) else 1 << 30
    return min(max(zero_point + int(math.copysign(rounded, ratio)), -128), 127)


def encode_constant(tensor: TfliteTensor, stored: Array) -> tuple[Array, ConstantEncoding]:
    """Codes moved to the signed type, and how they are to be read.

    Raises:
        Refused: Q005 or M004.
    """
    check_scales(tensor)
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > 4:
        raise Refused("M004", f"constant {quoted(tensor.name)} has type {tensor.kind}", "use int8 or int32")
    count = len(tensor.scale)
    if count > 1 and not (0 <= tensor.axis < stored.ndim and stored.shape[tensor.axis] == count):
        why = f"{quoted(tensor.name)} of shape {stored.shape} has {count} scales along axis {tensor.axis}"
        raise Refused("Q005", why, CONVERT_AGAIN)
    codes = freeze((stored.astype(np.int64) + tensor.move), "int8" if stored.dtype.itemsize == 1 else "int32")
    axis = tensor.axis if count > 1 else None
    zero_point = tuple(value + tensor.move for value in tensor.zero_point)
    return codes, ConstantEncoding(tensor.scale, zero_point, axis, codes)
