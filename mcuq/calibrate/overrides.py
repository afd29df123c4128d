"""Single tensors that are quantized otherwise than the rest: what a configuration matches, and how."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
from collections.abc import Iterator, Mapping, Sequence

from mcuq.calibrate.config import config_sha256, wrong
from mcuq.calibrate.methods import METHODS, Method
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.percentile import percentile
from mcuq.calibrate.ranges import Ranges, TensorRange, fingerprint
from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError, all_of, fail
from mcuq.ir.graph import Graph, Node
from mcuq.options import QuantOptions
from mcuq.settings import Override


def resolve_overrides(
    graph: Graph, names: Sequence[str], overrides: Sequence[Override]
) -> dict[str, Override]:
    """How every tensor is ranged that overrides match; later ones win, setting by setting.

    Args:
        graph: stage CANONICAL.
        names: its tensors that have a range of their own.
        overrides: as read.

    Raises:
        McuqError: O001 for patterns that match nothing, or model inputs that are given more than a range, for
            all of them at once.
    """
    about = [(number, each) for number, each in enumerate(overrides, 1) if each.is_about_ranges]
    taken = all_of(functools.partial(_ranged, graph, names, each, number) for number, each in about)
    found: dict[str, Override] = {}
    for (_, each), matched in zip(about, taken, strict=True):
        for name in matched:
            found[name] = _merge(found.get(name), each)
    return found


def _ranged(graph: Graph, names: Sequence[str], each: Override, number: int) -> list[str]:
    """The tensors whose range an override says something of."""
    inputs = {port.tensor: port.name for port in graph.inputs}
    matched = _matched(graph, dict(zip(names, names, strict=True)), each, number)
    only_range = each.method is None and each.scheme is None
    taken = [name for name in matched if only_range or name not in inputs]
    if not taken:
        raise wrong(
            f"override {number}",
            f"input {inputs[matched[0]]!r} has a {'scheme' if each.method is None else 'method'}",
            "inputs are never searched: give a range alone",
        )
    return taken


def overridden_widths(
    graph: Graph, names: Mapping[str, str], overrides: Sequence[Override]
) -> dict[str, int]:
    """The bits that overrides give tensors; later ones win.

    Args:
        graph: stage CANONICAL, equalized or not.
        names: its tensors that have a range of their own, by what the model calls them.
        overrides: as read.

    Raises:
        McuqError: O001 for patterns that match nothing, for all of them at once.
    """
    about = [(number, each) for number, each in enumerate(overrides, 1) if each.activation_bits is not None]
    matched = all_of(functools.partial(_matched, graph, names, each, number) for number, each in about)
    return {
        names[name]: each.activation_bits
        for (_, each), found in zip(about, matched, strict=True)
        for name in found
        if each.activation_bits is not None
    }


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
    return wrong(
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
