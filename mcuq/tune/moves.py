"""What the search may change: one setting of a group of tensors, of a layer or of an output, at a time."""

from __future__ import annotations

import dataclasses
import glob
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from mcuq.calibrate.ranges import state_groups
from mcuq.calibrate.ties import resolve_ties
from mcuq.ir.graph import Graph
from mcuq.options import OutputType, QuantOptions
from mcuq.quantize.activations import tensor_groups
from mcuq.quantize.output_types import open_outputs
from mcuq.quantize.reference import weighted_nodes
from mcuq.settings import Override

# Values that are tried for settings of tensors beside those that hold without them, the likeliest first.
TRIED_VALUES: Mapping[str, tuple[str | int, ...]] = MappingProxyType(
    {
        "weight_bits": (4,),
        "activation_bits": (16,),
        "method": ("minmax", "percentile", "kl", "mse"),
    }
)
# That which is of layers, by their outputs.
_OF_LAYERS = "weight_bits"
# A setting that excludes equalization, because it says how tensors are ranged.
_RANGING = "method"
# That which is of outputs, and no override.
_OF_OUTPUTS = "output_type"


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """One setting, of tensors that move together.

    Args:
        setting: a field of `Override`, or `output_type`.
        value: what it is set to.
        tensors: whose; of a weighted layer its output, of a type the name of the model's output.
    """

    setting: str
    value: str | int
    tensors: tuple[str, ...]

    @property
    def variable(self) -> tuple[str, tuple[str, ...]]:
        """What two moves that exclude each other have in common."""
        return self.setting, self.tensors

    @property
    def ranges(self) -> bool:
        """Whether it says how tensors are ranged, which excludes equalization."""
        return self.setting == _RANGING

    def __str__(self) -> str:
        """For people: `method minmax of 'stem', 'stem_2'`."""
        return f"{self.setting.replace('_', '-')} {self.value} of {', '.join(map(repr, self.tensors))}"


# Moves that are taken together, of each variable at most one, in the order in which they were found.
MoveSet: TypeAlias = tuple[Move, ...]


def find_moves(graph: Graph, options: QuantOptions) -> tuple[Move, ...]:
    """Every move of a model.

    Args:
        graph: stage CANONICAL.
        options: of the build that moves start from.
    """
    groups = moving_groups(graph, options)
    layers = tuple((node.output,) for node, _ in weighted_nodes(graph))
    return tuple(
        Move(setting, value, group)
        for setting, values in TRIED_VALUES.items()
        for value in values
        if value != getattr(options, setting)
        for group in (layers if setting == _OF_LAYERS else groups)
    )


def output_moves(graph: Graph, options: QuantOptions) -> tuple[Move, ...]:
    """Each output in int16 whose type the options leave open; a softmax before it reads int16 then, too.

    Args:
        graph: stage CANONICAL.
        options: of the build that moves start from.
    """
    names = open_outputs(graph, options.asked_types)
    return tuple(Move(_OF_OUTPUTS, "int16", (name,)) for name in names)


def neutral_move(graph: Graph, options: QuantOptions) -> Move | None:
    """A move that says what holds already: all it does is to exclude equalization. None without groups."""
    groups = moving_groups(graph, options)
    return Move(_RANGING, getattr(options, _RANGING), groups[0]) if groups else None


def moving_groups(graph: Graph, options: QuantOptions) -> tuple[tuple[str, ...], ...]:
    """Measured tensors by what they share parameters with, without those of the model's inputs.

    The codes of these are the caller's.
    """
    tied = (*resolve_ties(graph, options.ties), *state_groups(graph))
    groups: dict[str, list[str]] = {}
    for name, root in tensor_groups(graph, tied).items():
        groups.setdefault(root, []).append(name)
    inputs = {port.tensor for port in graph.inputs}
    return tuple(tuple(names) for names in groups.values() if not inputs & {*names})


def combine(moves: Sequence[Move], chosen: Iterable[Move]) -> MoveSet:
    """Moves as a candidate, in order; of those that exclude each other the last counts."""
    last = {move.variable: move for move in chosen}
    return tuple(move for move in moves if last.get(move.variable) == move)


def with_moves(options: QuantOptions, candidate: MoveSet) -> QuantOptions:
    """The options of the build that a candidate stands for."""
    return dataclasses.replace(
        options,
        overrides=(*options.overrides, *to_overrides(candidate)),
        configured_types={**options.configured_types, **types_of(candidate)},
    )


def types_of(candidate: MoveSet) -> dict[str, OutputType]:
    """The types that a candidate gives outputs."""
    return {name: "int16" for move in candidate if move.setting == _OF_OUTPUTS for name in move.tensors}


def to_overrides(candidate: MoveSet) -> tuple[Override, ...]:
    """What a candidate says of tensors and layers: one table for each tensor."""
    settings: dict[str, dict[str, str | int]] = {}
    for move in candidate:
        if move.setting == _OF_OUTPUTS:
            continue
        for tensor in move.tensors:
            settings.setdefault(tensor, {})[move.setting] = move.value
    return tuple(
        dataclasses.replace(Override("tensor", glob.escape(tensor)), **values)  # type: ignore[arg-type]
        for tensor, values in settings.items()
    )


def candidate_key(candidate: MoveSet) -> str:
    """Deterministic text by which results are remembered."""
    return json.dumps([[move.setting, move.value, *move.tensors] for move in candidate])


def config_text(options: QuantOptions, comments: Iterable[str]) -> str:
    """The configuration of options as TOML that `--config` reads back: overrides, ties, state and types.

    Args:
        options: whose.
        comments: lines for its head.
    """
    lines = [f"# {_printable(line)}" for line in comments]
    for each in options.overrides:
        lines += ["", "[[override]]", *_override_lines(each)]
    for names in options.ties:
        lines += ["", "[[tie]]", f"tensors = {_toml(names)}"]
    for pair in options.state_pairs:
        lines += ["", "[[state]]", f"input = {_toml(pair.input)}", f"output = {_toml(pair.output)}"]
        lines += [] if pair.initial is None else [f"initial = {_toml(pair.initial)}"]
    for name, kind in options.configured_types.items():
        lines += ["", "[[output]]", *([f"name = {_toml(name)}"] if name else []), f"type = {_toml(kind)}"]
    return "\n".join(lines) + "\n"


def _override_lines(each: Override) -> Iterator[str]:
    yield f"{each.kind} = {_toml(each.pattern)}"
    for field in dataclasses.fields(each):
        value = getattr(each, field.name)
        if field.name not in ("kind", "pattern") and value is not None:
            yield f"{field.name.replace('_', '-')} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for one character that JSON takes as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
