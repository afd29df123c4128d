"""Inputs and outputs that have one scale and zero point, so that codes of one can be fed to another."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from mcuq.calibrate.ranges import Ranges, TensorRange, fingerprint, measured_source
from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError, fail
from mcuq.ir.graph import Graph
from mcuq.ir.program import Program

Ties = Sequence[tuple[str, ...]]


def resolve_ties(graph: Graph, ties: Ties) -> tuple[tuple[str, ...], ...]:
    """The tensors whose ranges decide the parameters of tied inputs and outputs.

    Args:
        graph: stage CANONICAL.
        ties: groups of names of the model's inputs and outputs.

    Raises:
        McuqError: O001 for other names, O013 for an output whose operator fixes its scale.
    """
    ports = {port.name: port.tensor for port in (*graph.inputs, *graph.outputs)}
    resolved = []
    for group in ties:
        tensors = []
        for name in group:
            if name not in ports:
                raise _no_port(name, list(ports))
            source = measured_source(graph, ports[name])
            if source is None:
                raise fail(
                    "O013",
                    "tied tensors cannot have one scale",
                    where=f"tie of {_listed(group)}",
                    why=f"an operator, as a softmax, fixes the scale of {name!r}",
                    fix="tie other tensors, or cut the operator off the model",
                )
            tensors.append(source)
        resolved.append(tuple(dict.fromkeys(tensors)))
    return tuple(resolved)


def tie_ranges(ranges: Ranges, stores: Mapping[str, TensorStore], tied: Ties) -> Ranges:
    """Ranges in which every tensor of a group has the range that covers those of all.

    Args:
        ranges: of all calibrated tensors.
        stores: of the same tensors as far as known, for the share of values that still saturates.
        tied: of `resolve_ties`.
    """
    tensors = dict(ranges.tensors)
    # Parameters that came with the model leave few ranges to be measured; `check_ties` looks at these.
    tied = tuple(group for group in tied if all(name in tensors for name in group))
    for group in tied:
        hull = ranges[group[0]]
        for name in group[1:]:
            hull = hull.union(tensors[name].range)
        for name in group:
            seen = fingerprint(stores[name], hull) if name in stores else tensors[name].seen
            tensors[name] = TensorRange(hull, seen)
    return Ranges(tensors, ranges.dropped, tied)


def check_ties(program: Program, ties: Ties) -> None:
    """Refuse a program whose tied tensors have parameters of their own, from a quantized model or a file.

    Raises:
        McuqError: O013.
    """
    quants = {port.name: program.tensors[port.tensor].quant for port in (*program.inputs, *program.outputs)}
    quants |= {state.name: program.tensors[state.before].quant for state in program.state}
    for named in ties:
        # The other end of a state is no port, and has the state's parameters.
        group = [name for name in named if name in quants]
        if len({quants[name] for name in group}) > 1:
            shown = ", ".join(
                f"{name!r} has {quants[name].step:.9g} and {quants[name].zero_point}" for name in group
            )
            raise fail(
                "O013",
                "tied tensors cannot have one scale",
                where=f"tie of {_listed(group)}",
                why=f"the model or its encodings give them others: {shown}",
                fix="give them one scale and zero point there, or leave the tie out",
            )


def _no_port(name: str, known: list[str]) -> McuqError:
    near = difflib.get_close_matches(name, known, 3, 0.0)
    return fail(
        "O001",
        "the configuration has no such setting",
        where="a tie",
        why=f"the model has no input or output {name!r}",
        fix=f"the nearest are {', '.join(map(repr, near))}",
    )


def _listed(group: Sequence[str]) -> str:
    return " and ".join(map(repr, group))
