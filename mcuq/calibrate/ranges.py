"""The chosen range of every tensor, with a fingerprint of the values it came from."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from mcuq.calibrate.methods import Method
from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.store import BINS, TensorStore
from mcuq.errors import fail
from mcuq.ir.graph import Graph
from mcuq.ir.op import RangeRule
from mcuq.ir.types import FLOAT32_MAX, Int64, QuantParams
from mcuq.reading.text import AbsurdText, absurd, parse_json

_FORMAT = "mcuq-ranges-1"
MAX_SATURATION = 0.001
MIN_RANGE_USE = 0.25
_CHANCE = 0.05
_MEASURED = (RangeRule.CALIBRATED, RangeRule.UNIFIED)


@dataclasses.dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a tensor's values looked like, from its store alone.

    Args:
        lo: smallest value.
        hi: largest value.
        mean: mean of all values, to the resolution of the histogram.
        deviation: standard deviation, likewise.
        saturation: share of the values outside the range it is quantized for.
    """

    lo: float
    hi: float
    mean: float
    deviation: float
    saturation: float


@dataclasses.dataclass(frozen=True, slots=True)
class TensorRange:
    """The range a tensor is quantized for and what was seen of it."""

    range: Range
    seen: Fingerprint


@dataclasses.dataclass(frozen=True)
class Ranges:
    """The ranges of a model's tensors by name.

    Args:
        tensors: by name.
        dropped: how many NaN and infinite values of a tensor were not counted, where there were any.
        tied: groups of tensors that have one scale and zero point.
    """

    tensors: Mapping[str, TensorRange]
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    tied: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def __getitem__(self, name: str) -> Range:
        """The range of a tensor."""
        return self.tensors[name].range

    def __contains__(self, name: object) -> bool:
        """Whether a tensor was calibrated."""
        return name in self.tensors

    def __len__(self) -> int:
        return len(self.tensors)


def calibrated_tensors(graph: Graph) -> tuple[str, ...]:
    """The tensors whose range must be measured: inputs, and outputs that no rule fixes, in order.

    Inputs of integers that are codes need none.
    """
    inputs = (port.tensor for port in graph.inputs if port.whole is None)
    outputs = (name for node in graph.nodes for name in node.outputs if node.rule(name) in _MEASURED)
    return tuple(dict.fromkeys([*inputs, *outputs]))


def measured_source(graph: Graph, name: str) -> str | None:
    """The measured tensor whose parameters a tensor has, None where an operator or a constant fixes them."""
    while (node := graph.producer(name)) is not None and node.rule(name) is RangeRule.SHARED:
        name = node.inputs[0]
    if node is None:
        is_whole = any(port.tensor == name and port.whole is not None for port in graph.inputs)
        return None if is_whole or name in graph.constants else name
    return name if node.rule(name) in _MEASURED else None


def fixed_source(graph: Graph, name: str) -> QuantParams | None:
    """The parameters that an operator fixes for a tensor, None where they are measured or a constant's."""
    while (node := graph.producer(name)) is not None and node.rule(name) is RangeRule.SHARED:
        name = node.inputs[0]
    return node.op.fixed_params() if node is not None and node.rule(name) is RangeRule.FIXED else None


def state_groups(graph: Graph) -> tuple[tuple[str, str], ...]:
    """For each state the measured tensors that input and output have the parameters of.

    An output whose operator fixes its parameters gives them to the input, see `fixed_states`.
    """
    inputs = {port.name: port.tensor for port in graph.inputs}
    pairs = (
        (inputs[port.feeds.input], measured_source(graph, port.tensor))
        for port in graph.outputs
        if port.feeds is not None
    )
    return tuple((before, after) for before, after in pairs if after is not None and before != after)


def fixed_states(graph: Graph) -> dict[str, QuantParams]:
    """The parameters of inputs that are state an operator fixes, as tanh does, by tensor."""
    inputs = {port.name: port.tensor for port in graph.inputs}
    pairs = (
        (inputs[port.feeds.input], fixed_source(graph, port.tensor))
        for port in graph.outputs
        if port.feeds is not None
    )
    return {tensor: quant for tensor, quant in pairs if quant is not None}


def choose_ranges(
    stores: Mapping[str, TensorStore],
    scheme: Scheme,
    method: Method,
    unclipped: Collection[str] = (),
    given: Mapping[str, Range] = MappingProxyType({}),
) -> Ranges:
    """Choose a range for every store.

    Args:
        stores: filled stores by tensor name.
        scheme: how the codes lie about zero.
        method: one of `METHODS`, or like them.
        unclipped: tensors ranged by min-max, the model's inputs above all.
        given: ranges the user chose.

    Source: docs/calibration.md, methods; docs/numerics.md, R4 (inputs).
    """

    def choose(name: str, store: TensorStore) -> Range:
        if name in given:
            return given[name]
        return (minmax if name in unclipped else method)(store, scheme)

    chosen = {name: choose(name, store) for name, store in stores.items()}
    dropped = {name: store.nans + store.infs for name, store in stores.items() if store.nans + store.infs}
    return Ranges(
        {name: TensorRange(chosen[name], fingerprint(stores[name], chosen[name])) for name in stores}, dropped
    )


def fingerprint(store: TensorStore, value_range: Range) -> Fingerprint:
    """Describe a store; the same for any order of the values it counted."""
    if store.exponent is None:
        return Fingerprint(0.0, 0.0, 0.0, 0.0, 0.0)
    centres = np.arange(BINS) + 0.5
    # In units of bins these sums are exact integers; only the last divisions round.
    total = float((store.pos - store.neg) @ centres)
    squares = float((store.pos + store.neg) @ centres**2)
    mean = total / store.count
    deviation = math.sqrt(max(squares / store.count - mean * mean, 0.0))
    clipped = _above(store.pos, store, value_range.hi) + _above(store.neg, store, -value_range.lo)
    return Fingerprint(store.lo, store.hi, mean * store.width, deviation * store.width, clipped / store.count)


def saturation_limit(seen: TensorRange, store: TensorStore, samples: int | None) -> float:
    """The share of values that may saturate: 0.1 %, or twice as many as in calibration.

    A new sample goes beyond the extremes of n others with a chance of 2 / (n + 1), so in small tensors, such
    as logits, one value in every 20th sample may. Measured on 27 splits of the
    calibration halves: right data warned once, and 9 times without this.
    """
    chance = 0.0 if samples is None else _CHANCE * samples / max(store.count, 1)
    return max(MAX_SATURATION, 2 * seen.seen.saturation, chance)


def drift(seen: TensorRange, store: TensorStore, samples: int | None = None) -> str | None:
    """How evaluation data of a tensor departs from the calibration, None where it fits.

    It is when more than 0.1 % of the values, and more than twice as many as in calibration, saturate, or less
    than a quarter of the range is used.

    Args:
        seen: the tensor in calibration.
        store: the tensor in evaluation.
        samples: how many samples the store counted, for the chance of single values.
    """
    now = fingerprint(store, seen.range)
    if now.saturation > saturation_limit(seen, store, samples):
        return f"{now.saturation:.2%} of the values saturate, {seen.seen.saturation:.2%} did in calibration"
    width = seen.range.hi - seen.range.lo
    use = (min(now.hi, seen.range.hi) - max(now.lo, seen.range.lo)) / width if width else 1.0
    if use < MIN_RANGE_USE:
        return f"the values use {max(use, 0.0):.0%} of the calibrated range"
    return None


def _above(counts: Int64, store: TensorStore, limit: float) -> int:
    """Values of one side in bins wholly beyond a limit."""
    # A bin that starts at the limit may hold nothing but values equal to it.
    first = math.floor(limit / store.width) + 1 if limit > 0 else 0
    return int(counts[min(first, BINS) :].sum())


def ranges_to_json(ranges: Ranges) -> str:
    """Deterministic JSON, one line per tensor, floats exact as hexadecimal text."""
    rows = {
        name: {
            "range": [entry.range.lo.hex(), entry.range.hi.hex()],
            "seen": [value.hex() for value in dataclasses.astuple(entry.seen)],
        }
        for name, entry in ranges.tensors.items()
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    tied = f', "tied": {json.dumps(ranges.tied)}' if ranges.tied else ""
    return f'{{"format": {json.dumps(_FORMAT)}{tied}, "tensors": {{\n{lines}\n}}}}\n'


def ranges_from_json(text: str | bytes, label: str = "the ranges") -> Ranges:
    """The inverse of `ranges_to_json`.

    Args:
        text: the JSON, UTF-8.
        label: what to call it in errors.

    Raises:
        McuqError: O004 when the text is not what `ranges_to_json` writes, O017 when it is absurd.
    """
    try:
        document: Any = parse_json(text)
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']}, expected {_FORMAT}")
        tensors = {name: _entry(row["range"], row["seen"]) for name, row in document["tensors"].items()}
        tied = tuple(tuple(group) for group in document.get("tied", []))
        if any(name not in tensors for group in tied for name in group) or not all(tied):
            raise ValueError("a tie of tensors that have no range")
        return Ranges(tensors, tied=tied)
    except AbsurdText as error:
        raise absurd(label, error) from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise fail(
            "O004",
            "the stored ranges cannot be read",
            where=label,
            why=f"{type(error).__name__}: {' '.join(str(error).split())}",
            fix="calibrate again",
        ) from error


def _entry(limits: list[str], seen: list[str]) -> TensorRange:
    """One tensor's range from its hexadecimal floats."""
    if not isinstance(limits, list) or not isinstance(seen, list):
        raise TypeError("a range is no list")
    lo, hi = map(float.fromhex, limits)
    low, high, mean, deviation, saturation = map(float.fromhex, seen)
    if not (-FLOAT32_MAX <= lo <= hi <= FLOAT32_MAX):
        raise ValueError(f"range {lo}..{hi}")
    if not (all(map(math.isfinite, (low, high, mean, deviation))) and 0 <= saturation <= 1):
        raise ValueError(f"what was seen of range {lo}..{hi} is not finite")
    return TensorRange(Range(lo, hi), Fingerprint(low, high, mean, deviation, saturation))
