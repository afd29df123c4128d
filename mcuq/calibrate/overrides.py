"""The file of `--config`: how single tensors are quantized otherwise than the rest."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mcuq.calibrate.methods import METHODS, Method
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.percentile import percentile
from mcuq.calibrate.ranges import Ranges, TensorRange, fingerprint
from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError, fail
from mcuq.ir.graph import Graph, Node
from mcuq.ir.types import FLOAT32_MAX
from mcuq.options import QuantOptions
from mcuq.reading.files import read_file
from mcuq.reading.text import AbsurdText, absurd, parse_toml
from mcuq.settings import Override, StatePair

_PATTERNS = ("tensor", "op", "node")
_SETTINGS = ("method", "percentile", "range", "scheme", "activation-bits", "weight-bits")
_LATER = ("activation_bits", "weight_bits")


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Read the [[override]] tables of a file.

    Raises:
        McuqError: O012 missing; O004 not TOML; O001 for anything that is not understood.
    """
    tables = _read_tables(path, "override")
    return tuple(_read_table(table, f"{path}, override {number}") for number, table in enumerate(tables, 1))


def read_ties(path: Path) -> tuple[tuple[str, ...], ...]:
    """Read the [[tie]] tables of a file: names of inputs and outputs that have one scale and zero point.

    Raises:
        McuqError: as `read_overrides`.
    """
    tables = _read_tables(path, "tie")
    return tuple(_read_tie(table, f"{path}, tie {number}") for number, table in enumerate(tables, 1))


def _read_tie(table: object, where: str) -> tuple[str, ...]:
    names = table.get("tensors") if isinstance(table, dict) and set(table) == {"tensors"} else None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not isinstance(names, list) or not is_list or len(set(names)) < 2 or len(set(names)) < len(names):
        raise _wrong(where, f"found {table!r}", 'write tensors = ["h", "h_out"]: names, two or more')
    return tuple(names)


def read_state_pairs(path: Path) -> tuple[StatePair, ...]:
    """Read the [[state]] tables of a file: an input, the output that it becomes, and initial values.

    Raises:
        McuqError: as `read_overrides`.
    """
    tables = _read_tables(path, "state")
    return tuple(_read_pair(table, f"{path}, state {number}") for number, table in enumerate(tables, 1))


def _read_pair(table: object, where: str) -> StatePair:
    found = table if isinstance(table, dict) else {}
    names = [found.get("input"), found.get("output")]
    initial = found.get("initial", [])
    values = initial if isinstance(initial, list) else [initial]
    is_known = set(found) <= {"input", "output", "initial"} and all(isinstance(each, str) for each in names)
    if not is_known or not all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FLOAT32_MAX
        for value in values
    ):
        fix = 'write input = "h", output = "h_out", and initial = 0.5 or a list of one number per element'
        raise _wrong(where, f"found {table!r}", fix)
    return StatePair(str(names[0]), str(names[1]), tuple(map(float, values)) or None)


def _read_tables(path: Path, kind: str) -> list[object]:
    """The tables of one kind, of a file in which there is nothing unknown."""
    try:
        document = parse_toml(read_file(path))
    except AbsurdText as error:
        raise absurd(path, error) from error
    except ValueError as error:
        raise fail(
            "O004",
            "the configuration cannot be read",
            where=str(path),
            why=" ".join(str(error).split()),
            fix="write TOML, see docs/calibration.md",
        ) from error
    tables = document.get(kind, [])
    if set(document) - {"override", "tie", "state"} or not isinstance(tables, list):
        why = f"found {sorted(document)}"
        raise _wrong(str(path), why, "only [[override]], [[tie]] and [[state]] tables are known")
    return tables


def config_sha256(overrides: Sequence[Override]) -> str:
    """Hash of what a configuration says; spaces, comments and the order of keys do not count."""
    rows = [_said(each) for each in overrides]
    text = json.dumps(rows, sort_keys=True, default=float.hex)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(override: Override) -> dict[str, object]:
    """Its settings; those that came later than the first hashes only where they say something."""
    row: dict[str, object] = dataclasses.asdict(override)
    return {key: value for key, value in row.items() if key not in _LATER or value is not None}


def _read_table(table: object, where: str) -> Override:
    if not isinstance(table, dict):
        raise _wrong(where, f"found {table!r}", "write [[override]] tables")
    for key in table:
        if key not in (*_PATTERNS, *_SETTINGS):
            near = difflib.get_close_matches(key, (*_PATTERNS, *_SETTINGS), 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known are {', '.join((*_PATTERNS, *_SETTINGS))}"
            )
            raise _wrong(where, f"unknown key {key!r}", hint)
    kinds = [key for key in _PATTERNS if key in table]
    if len(kinds) != 1 or not isinstance(table[kinds[0]], str):
        raise _wrong(where, f"found {kinds} as patterns", "give one of tensor, op and node, as text")
    if not set(table) & set(_SETTINGS):
        raise _wrong(where, "it changes nothing", f"give one of {', '.join(_SETTINGS)}")
    limits, method, percent, scheme = (table.get(key) for key in ("range", "method", "percentile", "scheme"))
    if method is not None and not (isinstance(method, str) and method in METHODS):
        raise _wrong(where, f"method {method!r}", f"known are {', '.join(METHODS)}")
    if scheme is not None and scheme not in [each.value for each in Scheme]:
        raise _wrong(where, f"scheme {scheme!r}", "known are symmetric and asymmetric")
    if percent is not None and not (_is_number(percent) and 50 < percent <= 100):
        raise _wrong(where, f"percentile {percent!r}", "give a number above 50, at most 100")
    if percent is not None and method not in (None, "percentile"):
        raise _wrong(where, f"percentile with method {method!r}", 'it goes with method = "percentile"')
    widths = (
        _read_bits(table, "activation-bits", (8, 16), where),
        _read_bits(table, "weight-bits", (4, 8), where),
    )
    return Override(
        kinds[0],
        table[kinds[0]],
        "percentile" if percent is not None else method,
        None if percent is None else float(percent),
        None if limits is None else _read_range(limits, where),
        scheme,
        *widths,
    )


def _read_bits(table: dict[str, object], key: str, known: tuple[int, int], where: str) -> int | None:
    bits = table.get(key)
    if bits is not None and (not isinstance(bits, int) or isinstance(bits, bool) or bits not in known):
        raise _wrong(where, f"{key} {bits!r}", f"give {known[0]} or {known[1]}")
    return bits if isinstance(bits, int) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_range(limits: object, where: str) -> tuple[float, float]:
    if isinstance(limits, list) and len(limits) == 2 and all(map(_is_number, limits)):
        lo, hi = map(float, limits)
        if -FLOAT32_MAX <= lo < hi <= FLOAT32_MAX:
            return lo, hi
    raise _wrong(where, f"range {limits!r}", "give [lo, hi], finite in single precision, lo < hi")


def _wrong(where: str, why: str, fix: str) -> McuqError:
    return fail("O001", "the configuration has no such setting", where=where, why=why, fix=fix)


def resolve_overrides(
    graph: Graph, names: Sequence[str], overrides: Sequence[Override]
) -> dict[str, Override]:
    """How every tensor is ranged that overrides match; later ones win, setting by setting.

    Args:
        graph: stage CANONICAL.
        names: its tensors that have a range of their own.
        overrides: as read.

    Raises:
        McuqError: O001 for patterns that match nothing, or model inputs that are given more than a range.
    """
    inputs = {port.tensor: port.name for port in graph.inputs}
    found: dict[str, Override] = {}
    for number, each in enumerate(overrides, 1):
        if not each.is_about_ranges:
            continue
        matched = _matched(graph, dict(zip(names, names, strict=True)), each, number)
        only_range = each.method is None and each.scheme is None
        taken = [name for name in matched if only_range or name not in inputs]
        if not taken:
            raise _wrong(
                f"override {number}",
                f"input {inputs[matched[0]]!r} has a {'scheme' if each.method is None else 'method'}",
                "inputs are never searched: give a range alone",
            )
        for name in taken:
            found[name] = _merge(found.get(name), each)
    return found


def overridden_widths(
    graph: Graph, names: Mapping[str, str], overrides: Sequence[Override]
) -> dict[str, int]:
    """The bits that overrides give tensors; later ones win.

    Args:
        graph: stage CANONICAL, equalized or not.
        names: its tensors that have a range of their own, by what the model calls them.
        overrides: as read.

    Raises:
        McuqError: O001 for patterns that match nothing.
    """
    found = {}
    for number, each in enumerate(overrides, 1):
        if each.activation_bits is not None:
            matched = _matched(graph, names, each, number)
            found.update(dict.fromkeys((names[name] for name in matched), each.activation_bits))
    return found


def _matched(graph: Graph, names: Mapping[str, str], each: Override, number: int) -> list[str]:
    """The names that a pattern matches.

    Raises:
        McuqError: O001 where there are none.
    """
    inputs = {port.tensor: port.name for port in graph.inputs}
    found = [
        name
        for name, tensor in names.items()
        if _matches(each, name, graph.producer(tensor), inputs.get(tensor))
    ]
    if not found:
        nodes = [node for node in map(graph.producer, names.values()) if node is not None]
        raise _no_match(list(names), nodes, each, number, "with a range of its own")
    return found


def _matches(each: Override, name: str, node: Node | None, port: str | None) -> bool:
    if each.kind == "tensor":
        return any(_is_like(text, each.pattern) for text in (name, port) if text is not None)
    if node is None:
        return False
    return _is_like(node.op.kind if each.kind == "op" else node.name, each.pattern)


def _is_like(text: str, pattern: str) -> bool:
    """A glob; a name with brackets also means itself."""
    return text == pattern or fnmatch.fnmatchcase(text, pattern)


def match_nodes(nodes: Mapping[str, Node], each: Override, number: int) -> list[Node]:
    """The layers with weights that an override matches; a pattern of tensors means their outputs.

    Args:
        nodes: all layers with weights, by what the model calls their outputs.
        each: the override.
        number: its place in the file, from 1.

    Raises:
        McuqError: O001 where there is none.
    """
    matched = [node for name, node in nodes.items() if _matches(each, name, node, None)]
    if not matched:
        raise _no_match(list(nodes), list(nodes.values()), each, number, "of a layer with weights")
    return matched


def _no_match(
    names: Sequence[str], nodes: Sequence[Node], each: Override, number: int, what: str
) -> McuqError:
    known = {
        "tensor": list(names),
        "op": sorted({node.op.kind for node in nodes}),
        "node": [node.name for node in nodes],
    }[each.kind]
    near = difflib.get_close_matches(each.pattern, known, 3, 0.0)
    return _wrong(
        f"override {number}",
        f"no {each.kind} {what} matches {each.pattern!r}",
        f"the nearest are {', '.join(map(repr, near))}",
    )


def _merge(before: Override | None, after: Override) -> Override:
    if before is None:
        return after
    # A method chosen later stands against a range given before, and the other way round.
    is_method = after.method is not None
    return dataclasses.replace(
        after,
        method=after.method or (None if after.range else before.method),
        percentile=after.percentile if is_method else before.percentile,
        range=after.range or (None if is_method else before.range),
        scheme=after.scheme or before.scheme,
    )


def override_ranges(
    ranges: Ranges,
    stores: Mapping[str, TensorStore],
    found: Mapping[str, Override],
    options: QuantOptions,
) -> Ranges:
    """The ranges with those of some tensors chosen as overrides say.

    Args:
        ranges: as the options alone give them.
        stores: of the same tensors.
        found: of `resolve_overrides`.
        options: for what an override leaves open.

    Raises:
        McuqError: O013 where a tensor would have a zero point and no activation may.
    """
    tensors = dict(ranges.tensors)
    for name in found.keys() & tensors.keys():
        each, store = found[name], stores[name]
        if each.scheme == "asymmetric" and options.activations == "symmetric":
            raise fail(
                "O013",
                "two options contradict each other",
                where=f"tensor '{name}'",
                why="its scheme is asymmetric, --activations symmetric allows no zero point",
                fix="leave --activations out, and make other tensors symmetric in the configuration",
            )
        scheme = Scheme(each.scheme or options.activations)
        if each.range is not None:
            chosen = Range(*each.range)
        elif each.method is None and each.scheme is None:
            continue
        else:
            chosen = _method(each, options)(store, scheme)
        if each.scheme == "symmetric":
            chosen = symmetric_range(chosen)
        tensors[name] = TensorRange(chosen, fingerprint(store, chosen))
    return dataclasses.replace(ranges, tensors=tensors)


def symmetric_range(chosen: Range) -> Range:
    """The range whose zero point is 0 and whose scale is amax / 127, also where zero points are allowed."""
    return Range(-chosen.amax * 128 / 127, chosen.amax)


def _method(each: Override, options: QuantOptions) -> Method:
    method = each.method or options.method
    if method == "percentile":
        return functools.partial(percentile, percent=each.percentile or options.percentile)
    return METHODS[method]


def override_record(
    overrides: Sequence[Override],
    found: Mapping[str, Override],
    widths: Mapping[str, int],
    weights: Mapping[str, int],
) -> Iterator[tuple[str, str]]:
    """The configuration's hash and what holds for every matched tensor, as option pairs.

    Args:
        overrides: as read.
        found: of `resolve_overrides`.
        widths: of `overridden_widths`.
        weights: bits that overrides give the weights of layers, by output tensor.
    """
    if not overrides:
        return
    yield "config-sha256", config_sha256(overrides)
    for name, bits in widths.items():
        yield f"override-activation.{name}", f"{bits} bits"
    for name, bits in weights.items():
        yield f"override-weights.{name}", f"{bits} bits"
    for name, each in found.items():
        settings = [each.method if each.percentile is None else f"{each.method} {each.percentile!r}"]
        settings += [None if each.range is None else f"{each.range[0]!r}:{each.range[1]!r}", each.scheme]
        yield f"override.{name}", " ".join(filter(None, settings))
