"""What ONNX's recurrent operators share: one sequence, its directions, weights and states."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mcuq.ir.types import Array, Shape, freeze
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.move import Concat, Slice
from mcuq.ops.onnx.emit import reshape

# The simulator goes through a sequence one element at a time.
MAX_STEPS = 1 << 15
_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """One direction of a recurrent operator: its weights and states.

    Args:
        is_reverse: whether the last element of the sequence is the first in time.
        x: the sequence `[T, K]`.
        w: weights of x `[G * H, K]`, ONNX's order of gates.
        r: weights of the hidden state `[G * H, H]`.
        x_bias: `[G * H]`, float64.
        h_bias: likewise.
        states: to begin with, `[1, H]`; None for zeros.
        output: the name of what it computes, for names that are made.
    """

    is_reverse: bool
    x: str
    w: Array
    r: Array
    x_bias: Array
    h_bias: Array
    states: tuple[str | None, ...]
    output: str

    @property
    def units(self) -> int:
        """How many there are."""
        return int(self.r.shape[1])

    def store(self, ctx: ImportContext, array: Array, role: str) -> str:
        """Add a constant of the layer to the graph."""
        return ctx.store(freeze(array, "float32"), f"{self.output} [{role}]")


@dataclasses.dataclass(frozen=True, slots=True)
class Sequences:
    """How a node's outputs lie.

    Args:
        is_batch_first: whether the axis of sequences, of size 1, comes first: ONNX's layout 1.
        directions: for each direction whether it is the reverse one.
    """

    is_batch_first: bool
    directions: tuple[bool, ...]

    def join(self, ctx: ImportContext, parts: Sequence[str], output: str) -> None:
        """Add the hidden states `[T, H]` of all directions as ONNX's Y."""
        axis = 2 if self.is_batch_first else 1
        self._join(ctx, parts, axis, 4, output)

    def join_last(self, ctx: ImportContext, parts: Sequence[str], output: str) -> None:
        """Add states `[1, H]` of all directions as ONNX's Y_h or Y_c."""
        self._join(ctx, parts, 1 if self.is_batch_first else 0, 3, output)

    def _join(self, ctx: ImportContext, parts: Sequence[str], axis: int, rank: int, output: str) -> None:
        steps, units = ctx.shape(parts[0])
        if rank == 3:
            shape: Shape = (1, 1, units)
        else:
            shape = (1, steps, 1, units) if self.is_batch_first else (steps, 1, 1, units)
        if len(parts) == 1:
            reshape(ctx, parts[0], shape, output)
            return
        shaped = [reshape(ctx, part, shape, ctx.temporary(output, "direction")) for part in parts]
        ctx.emit(Concat(axis), tuple(shaped), output, is_helper=True)


def read_layers(
    ctx: ImportContext, node: OnnxNode, gates: int, activations: tuple[str, ...], states: tuple[int, ...]
) -> tuple[Sequences, tuple[Direction, ...]]:
    """Check a node and take it apart.

    Args:
        ctx: the graph under construction.
        node: the node.
        gates: sums per unit.
        activations: ONNX's default functions of one direction.
        states: positions of the inputs that states begin with.

    Raises:
        Refused: M002, M004 or M006.
    """
    direction = node.get_string("direction", "forward")
    if direction not in _DIRECTIONS:
        raise Refused("M002", f"attribute 'direction' is {direction!r}", "export the model again")
    layout = Sequences(bool(node.get_int("layout", 0)), _DIRECTIONS[direction])
    _check_activations(node, activations * len(layout.directions))
    x = ctx.activation(node.input(0))
    steps, size = _check_sequence(ctx, node, x, layout)
    sequence = reshape(ctx, x, (steps, size), ctx.temporary(node.output or x, "sequence"))
    arrays = _weights(ctx, node, gates, len(layout.directions), size)
    begins = [_states(ctx, node, layout, position, arrays[1].shape[2]) for position in states]
    layers = []
    for d, is_reverse in enumerate(layout.directions):
        x_bias, h_bias = np.split(arrays[2][d], 2)
        begin = tuple(each[d] for each in begins)
        output = node.output or f"{x} [{node.op_type}]"
        layers.append(
            Direction(is_reverse, sequence, arrays[0][d], arrays[1][d], x_bias, h_bias, begin, output)
        )
    return layout, tuple(layers)


def read_clip(node: OnnxNode) -> float:
    """The attribute clip, 0 where it is not given."""
    clip = node.get_finite("clip", 0.0)
    if node.has("clip") and clip <= 0:
        raise Refused("M002", f"attribute 'clip' is {clip:g}, it must be positive", "export the model again")
    return clip


def define_outputs(
    ctx: ImportContext, node: OnnxNode, layout: Sequences, layers: Sequence[Direction], ys: Sequence[str]
) -> None:
    """Add ONNX's Y and Y_h, where they are wanted, from the hidden states of all directions."""
    names = [*node.outputs, "", ""]
    if names[0]:
        layout.join(ctx, ys, names[0])
    if names[1]:
        pairs = zip(layers, ys, strict=True)
        layout.join_last(ctx, [last_state(ctx, layer, y) for layer, y in pairs], names[1])


def last_state(ctx: ImportContext, layer: Direction, y: str) -> str:
    """Add the hidden state `[1, H]` behind the last element in time."""
    steps, units = ctx.shape(y)
    at = 0 if layer.is_reverse else steps - 1
    part = Slice((at, 0), (at + 1, units), (1, 1))
    return ctx.emit(part, (y,), ctx.temporary(layer.output, "last"), is_helper=True)


def _check_activations(node: OnnxNode, expected: tuple[str, ...]) -> None:
    """Refuse other functions than ONNX's default ones."""
    found = node.attribute("activations")
    names = () if found is None else tuple(bytes(each).decode("utf-8", "replace") for each in found.strings)
    if names and tuple(name.lower() for name in names) != tuple(name.lower() for name in expected):
        raise unsupported(
            f"its activations are {', '.join(names)}, built are {', '.join(expected)}",
            "use the default activations",
        )


def _check_sequence(ctx: ImportContext, node: OnnxNode, x: str, layout: Sequences) -> tuple[int, int]:
    """Length of the one sequence and size of its elements."""
    shape = ctx.shape(x)
    if len(shape) != 3:
        raise Refused("M006", f"its input has shape {shape}, expected three axes", "export the model again")
    steps, batch = (shape[1], shape[0]) if layout.is_batch_first else shape[:2]
    if batch != 1:
        raise unsupported(
            f"it runs over a batch of {batch} sequences", "export the model for one sequence, a batch of 1"
        )
    if steps > MAX_STEPS:
        raise Refused(
            "M011", f"its sequence has {steps:_} elements, the limit is {MAX_STEPS:_}", "shorten it"
        )
    lengths = node.input(4)
    if lengths is not None and not (ctx.constant(lengths, "sequence_lens") == steps).all():
        raise unsupported(f"sequence_lens differs from the {steps} elements of its input", "leave it out")
    return steps, shape[2]


def _weights(
    ctx: ImportContext, node: OnnxNode, gates: int, directions: int, size: int
) -> tuple[Array, Array, Array]:
    """W `[D, G * H, K]`, R `[D, G * H, H]` and B `[D, 2 * G * H]`."""
    w, r = (ctx.weights(node.input(position) or "", "weights") for position in (1, 2))
    units = r.shape[-1] if r.ndim == 3 else 0
    rows = gates * units
    b = ctx.weights(node.input(3) or "", "bias") if node.input(3) else np.zeros((directions, 2 * rows))
    expected = (directions, rows, size), (directions, rows, units), (directions, 2 * rows)
    is_known = node.get_int("hidden_size", units) == units and units > 0
    if (w.shape, r.shape, b.shape) != expected or not is_known:
        raise Refused(
            "M006",
            f"weights {w.shape}, {r.shape} and bias {b.shape} do not fit elements of {size} values in "
            f"{directions} directions",
            "export the model again",
        )
    return w, r, b.astype(np.float64)


def _states(
    ctx: ImportContext, node: OnnxNode, layout: Sequences, position: int, units: int
) -> list[str | None]:
    """The state that each direction begins with, `[1, H]`; None for zeros."""
    name, count = node.input(position), len(layout.directions)
    if name is None or (ctx.is_constant(name) and not ctx.weights(name, "initial state").any()):
        return [None] * count
    expected = (1, count, units) if layout.is_batch_first else (count, 1, units)
    if ctx.shape(name) != expected:
        raise Refused(
            "M006", f"its initial state has shape {ctx.shape(name)}, expected {expected}", "export again"
        )
    if ctx.is_constant(name):
        values = ctx.weights(name, "initial state").reshape(count, 1, units)
        return [ctx.store(values[d], f"{name} [{d}]") for d in range(count)]
    rows = reshape(ctx, name, (count, units), ctx.temporary(name, "states"))
    if count == 1:
        return [rows]
    parts = (Slice((d, 0), (d + 1, units), (1, 1)) for d in range(count))
    return [ctx.emit(part, (rows,), ctx.temporary(name, "state"), is_helper=True) for part in parts]


def write_layer(
    writer: OnnxWriter,
    op_type: str,
    x: str,
    arrays: Sequence[Array],
    optional: Sequence[str],
    outputs: int,
    *,
    is_reverse: bool,
    clip: float = 0.0,
    linear_before_reset: int | None = None,
) -> list[str]:
    """Add a recurrent operator of one direction.

    Args:
        writer: the model under construction.
        op_type: ONNX's operator.
        x: the graph's name of the sequence `[T, K]`.
        arrays: W, R and B without the axis of directions.
        optional: ONNX names of the inputs from position 5 on, "" for those left out.
        outputs: how many there are.
        is_reverse: whether the last element is the first in time.
        clip: limit of the gates, 0 where there is none.
        linear_before_reset: of GRU.

    Returns:
        ONNX names: hidden states `[T, H]`, and of others `[1, H]`.
    """
    steps, size = writer.shape(x)
    units = arrays[1].shape[1]
    sequence = writer.reshape(writer.device(x), (steps, 1, size))
    constants = [writer.constant(array[None]) for array in arrays]
    attributes: dict[str, int | float | str] = {"hidden_size": units}
    attributes["direction"] = "reverse" if is_reverse else "forward"
    if clip > 0:
        attributes["clip"] = clip
    if linear_before_reset is not None:
        attributes["linear_before_reset"] = linear_before_reset
    found = writer.several(op_type, [sequence, *constants, "", *optional], outputs, **attributes)
    return [writer.reshape(y, (1 if number else steps, units)) for number, y in enumerate(found)]


def write_state(writer: OnnxWriter, name: str) -> str:
    """The ONNX name of a state to begin with, `[1, 1, H]`."""
    return writer.reshape(writer.device(name), (1, *writer.shape(name)))
