"""A model under construction: its tensors with their shapes, and weights of varied character."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOAT = onnx.TensorProto.FLOAT
MAX_ELEMS = 4096
# Kinds of what no operator reads: indices of 64 and 32 bits, dictionaries, and what is no output either.
ENDS = ("index", "index32", "map", "unread")

# How weights are drawn; models of the first kind alone are expected to keep their accuracy.
CHARACTERS = (
    "gaussian",
    "tiny",
    "dead",
    "spread",
    "zeros",
    "outlier",
    "one-sided",
    "ternary",
    "large",
    "deaf",
)
# Two names of one form differ; names of different forms can become one C identifier.
HOSTILE = (
    "t/{}", "t.{}", "T_{}", "t_{}", "t\n{}", "*/{}", "/*{}", "??/{}", "\u00fc{}", "for", "int", "main", "{}",
    "__{}", "arena{}", "io", "scratch", "w00_bias", "%s{}", '"{}', "\\{}", " ", "out{}" + "x" * 90,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Value:
    """A tensor of the model.

    Args:
        name: unique.
        shape: with the batch axis.
        kind: "image" with channels second, "vector" with channels last, "mixed" where the two are merged;
            those of `ENDS` where no operator goes on.
    """

    name: str
    shape: tuple[int, ...]
    kind: str


class Net:
    """Grows a model; every random decision is drawn from the generator that the caller passes."""

    def __init__(self, opset: int, naming: str, characters: Sequence[str], *, is_wild: bool) -> None:
        self.opset = opset
        self.naming = naming
        self.characters = characters
        self.is_wild = is_wild
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.indices: set[str] = set()
        self._taken: set[str] = set()
        self._weights: list[tuple[str, tuple[int, ...]]] = []

    def fresh(self, rng: np.random.Generator, hint: str) -> str:
        """A new name in the model's style."""
        number = len(self._taken)
        for attempt in range(1000):
            if self.naming == "hostile" and attempt < 50:
                name = HOSTILE[rng.integers(len(HOSTILE))].format(number // 4)
            elif self.naming == "exporter":
                name = f"/features/features.{number}/{hint}/{hint.title()}_output_{attempt}"
            else:
                name = f"{hint}_{number + attempt}"
            if name not in self._taken:
                self._taken.add(name)
                return name
        raise AssertionError("no name is left")

    def add_input(self, rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> None:
        """An input that nodes can read."""
        value = Value(self.fresh(rng, "input"), shape, kind)
        self.inputs.append(value)
        self.values.append(value)

    def pick(self, rng: np.random.Generator, accept: Callable[[Value], bool]) -> Value | None:
        """A tensor, more often than not the newest, of those that are acceptable."""
        found = [value for value in self.values if value.kind not in ENDS and accept(value)]
        if not found:
            return None
        return found[-1] if rng.random() < 0.6 else found[rng.integers(len(found))]

    def pick_image(self, rng: np.random.Generator, ranks: Sequence[int] = (4,)) -> Value | None:
        """A tensor that a spatial operator can read."""
        return self.pick(rng, lambda v: len(v.shape) in ranks and (self.is_wild or v.kind == "image"))

    def constant(self, rng: np.random.Generator, array: object, hint: str = "const") -> str:
        """A constant, as an initializer or as a node."""
        array = np.asarray(array)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        name = self.fresh(rng, hint)
        tensor = numpy_helper.from_array(array, name)
        if rng.random() < 0.1:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.initializers.append(tensor)
        return name

    def weights(self, rng: np.random.Generator, shape: tuple[int, ...], *, axis: int = 0) -> str:
        """Weights of one of the model's characters, now and then those of another layer.

        Args:
            rng: the node's generator.
            shape: of the weights.
            axis: of the output channels.
        """
        known = [name for name, other in self._weights if other == shape]
        if known and rng.random() < 0.1:
            return known[rng.integers(len(known))]
        character = self.characters[rng.integers(len(self.characters))]
        fan_in = max(math.prod(shape) // shape[axis], 1)
        columns = draw_weights(rng, (shape[axis], fan_in), character)
        moved = columns.reshape(shape[axis], *shape[:axis], *shape[axis + 1 :])
        if character == "deaf" and len(shape) > 1:
            # To some of its inputs, so that nothing reads them.
            moved = moved * (rng.random((moved.shape[1], *[1] * (len(shape) - 2))) < 0.5)
        name = self.constant(rng, np.moveaxis(moved, 0, axis), "weight")
        self._weights.append((name, shape))
        return name

    def bias(self, rng: np.random.Generator, channels: int) -> str:
        """A bias of one of the model's characters."""
        is_benign = len(self.characters) == 1
        scale = 0.3 if is_benign else float(rng.choice([0.0, 1e-4, 0.3, 0.3, 3.0, 40.0]))
        values = rng.normal(size=channels) * scale
        if not is_benign and rng.random() < 0.2:
            values *= 2.0 ** rng.uniform(-5, 5, channels)
        if not is_benign and rng.random() < 0.2:
            # A ReLU behind these is dead.
            values -= (rng.random(channels) < 0.5) * 100.0
        return self.constant(rng, values, "bias")

    def ints(self, rng: np.random.Generator, values: Sequence[int], hint: str) -> str:
        """Whole numbers as a constant: sizes, axes and the like."""
        return self.constant(rng, np.array(values, np.int64), hint)

    def add(
        self,
        rng: np.random.Generator,
        op_type: str,
        inputs: Sequence[str],
        shape: tuple[int, ...],
        kind: str,
        **attrs: object,
    ) -> Value:
        """A node with one output."""
        return self.add_many(rng, op_type, inputs, [shape], kind, **attrs)[0]

    def add_many(
        self,
        rng: np.random.Generator,
        op_type: str,
        inputs: Sequence[str],
        shapes: Sequence[tuple[int, ...] | None],
        kind: str,
        **attrs: object,
    ) -> list[Value]:
        """A node whose outputs are of one kind; None is an output that is left out."""
        return self.add_kinds(rng, op_type, inputs, shapes, [kind] * len(shapes), **attrs)

    def add_kinds(
        self,
        rng: np.random.Generator,
        op_type: str,
        inputs: Sequence[str],
        shapes: Sequence[tuple[int, ...] | None],
        kinds: Sequence[str],
        **attrs: object,
    ) -> list[Value]:
        """A node; sometimes without a name, as the standard allows."""
        name = "" if rng.random() < 0.1 else f"{op_type} {len(self.nodes)}"
        outputs = [
            None if shape is None else Value(self.fresh(rng, op_type.lower()), shape, kind)
            for shape, kind in zip(shapes, kinds, strict=True)
        ]
        attrs = {key: value for key, value in attrs.items() if value is not None}
        names = ["" if value is None else value.name for value in outputs]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=name, **attrs))
        found = [value for value in outputs if value is not None]
        self.values += found
        return found

    def model(self, outputs: Sequence[Value]) -> onnx.ModelProto:
        """The whole model."""
        inputs = [helper.make_tensor_value_info(v.name, FLOAT, v.shape) for v in self.inputs]
        infos = [_value_info(value) for value in outputs]
        graph = helper.make_graph(self.nodes, "random", inputs, infos, self.initializers)
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(name, 3) for name in sorted({n.domain for n in self.nodes} - {""})]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8 if self.opset < 19 else 10)


def _value_info(value: Value) -> onnx.ValueInfoProto:
    """What an output says of itself."""
    if value.kind == "map":
        number = helper.make_tensor_type_proto(FLOAT, [])
        each = helper.make_map_type_proto(onnx.TensorProto.INT64, number)
        return helper.make_value_info(value.name, helper.make_sequence_type_proto(each))
    types = {"index": onnx.TensorProto.INT64, "index32": onnx.TensorProto.INT32}
    return helper.make_tensor_value_info(value.name, types.get(value.kind, FLOAT), value.shape)


def draw_weights(rng: np.random.Generator, shape: tuple[int, int], character: str) -> np.ndarray:
    """Weights `[channels, taps]`."""
    weights = rng.normal(size=shape) / np.sqrt(shape[1])
    column = (shape[0], 1)
    if character == "tiny":
        return weights * 10.0 ** rng.uniform(-6, -2)
    if character == "dead":
        return weights * (rng.random(column) < 0.6)
    if character == "spread":
        return weights * 2.0 ** rng.uniform(-5, 5, column)
    if character == "zeros":
        return weights * 0
    if character == "outlier":
        return np.where(rng.random(shape) < 1 / weights.size, 30.0, weights)
    if character == "one-sided":
        return np.abs(weights) * rng.choice([-1, 1])
    if character == "ternary":
        return rng.integers(-1, 2, shape) * float(rng.choice([1.0, 0.5, 1 / 3]))
    return weights * 100 if character == "large" else weights
