"""Which inputs and outputs of a model are state, as its user says or as their names do."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mcuq.calibrate.ranges import fixed_source
from mcuq.errors import McuqError, Problem
from mcuq.ir.graph import Graph, Port, StateTie
from mcuq.ir.types import DType, elem_count, freeze

_AUTO = "auto"
_OPTION = "--state"
# Words that say which end of a run a name is of, not what it names.
_ENDS = frozenset(
    """in out input output new next prev previous old last initial init final updated current cur before after
    start end y""".split()
)
# h0 and hn, c_0 and c_n: the state before and behind a sequence.
_NUMBERED = re.compile(r"([hcs])(?:0|n|t)")


@dataclasses.dataclass(frozen=True, slots=True)
class _Pair:
    """A request: the text it came from, and the ports that it names."""

    text: str
    input: str
    output: str


def tie_states(graph: Graph, texts: Sequence[str], initial: Mapping[str, tuple[float, ...]]) -> Graph:
    """The graph whose outputs feed inputs as they are asked to.

    Args:
        graph: as read; its ports have the model's names.
        texts: `IN:OUT`, or "auto" for pairs of the same shape whose names differ in words as in and out.
        initial: real values of states in the first run, in the model's order, or one for all elements.

    Raises:
        McuqError: O019, for everything that is wrong at once.
    """
    if not texts and not initial:
        return graph
    problems: list[Problem] = []
    pairs = [pair for text in texts for pair in _read(graph, text, problems)]
    problems += _twice(pairs)
    tied = {pair.output: pair for pair in pairs}
    inputs = {port.name: port for port in graph.inputs}
    outputs = {port.name: port for port in graph.outputs}
    for pair in pairs:
        problems += _misfits(graph, pair, inputs[pair.input], outputs[pair.output])
    problems += _nothing_left(graph, pairs)
    problems += _wrong_initial(pairs, inputs, initial)
    if problems:
        raise McuqError(problems)
    changed = [
        dataclasses.replace(port, feeds=_tie(port, tied[port.name].input, initial))
        if port.name in tied
        else port
        for port in graph.outputs
    ]
    return dataclasses.replace(graph, outputs=tuple(changed))


def _tie(port: Port, name: str, initial: Mapping[str, tuple[float, ...]]) -> StateTie:
    values = np.asarray(initial.get(name, (0.0,)), np.float32)
    shaped = values.reshape(port.model_shape) if len(values) > 1 else np.full(port.model_shape, values[0])
    return StateTie(name, freeze(shaped, "float32"))


def tied_inputs(graph: Graph) -> frozenset[str]:
    """Names of the inputs that are state."""
    return frozenset(port.feeds.input for port in graph.outputs if port.feeds is not None)


def untied(graph: Graph) -> Graph:
    """The graph whose state is inputs and outputs as any other."""
    return dataclasses.replace(
        graph, outputs=tuple(dataclasses.replace(port, feeds=None) for port in graph.outputs)
    )


def _read(graph: Graph, text: str, problems: list[Problem]) -> Iterator[_Pair]:
    """The pairs of one text, whose ports all exist."""
    if text == _AUTO:
        found = list(_matching(graph))
        if not found:
            problems.append(
                _problem(
                    "no input and output of one shape have matching names",
                    _AUTO,
                    f"{_names('input', graph.inputs)} and {_names('output', graph.outputs)}",
                    "name them: --state IN:OUT",
                )
            )
        yield from found
        return
    inputs, outputs = ([port.name for port in ports] for ports in (graph.inputs, graph.outputs))
    cuts = [(text[:at], text[at + 1 :]) for at, character in enumerate(text) if character == ":"]
    # Names may hold colons; a cut between two names that exist is meant.
    known = [cut for cut in cuts if cut[0] in inputs and cut[1] in outputs]
    if known:
        yield _Pair(text, *known[0])
        return
    if not cuts:
        problems.append(_problem("it is no pair", text, "found no colon", "write --state IN:OUT"))
        return
    # The cut that is right on one side, if there is one.
    source, target = max(cuts, key=lambda cut: (cut[0] in inputs) + (cut[1] in outputs))
    for what, name, names in (("input", source, inputs), ("output", target, outputs)):
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.0)
            why = f"its {what}s nearest to {name!r} are {', '.join(map(repr, near)) or 'none at all'}"
            problems.append(_problem(f"the model has no {what} {name!r}", text, why, "name one of these"))


def _matching(graph: Graph) -> Iterator[_Pair]:
    """Pairs of an input and an output of one shape whose names say the same but for the end of the run.

    Where several could be meant, none is.
    """
    keys = [
        Counter((_key(port.name), port.model_shape) for port in ports)
        for ports in (graph.inputs, graph.outputs)
    ]
    outputs = {(_key(port.name), port.model_shape): port.name for port in graph.outputs}
    for port in graph.inputs:
        key = (_key(port.name), port.model_shape)
        if key[0] and all(count[key] == 1 for count in keys):
            yield _Pair(_AUTO, port.name, outputs[key])


def _key(name: str) -> str:
    """What a name is of.

    >>> [_key(name) for name in ("hidden_in", "hidden_out", "stateIn", "next_state", "h0", "hn", "output")]
    ['hidden', 'hidden', 'state', 'state', 'h', 'h', '']
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:1000]).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", spaced) if word and word not in _ENDS]
    if len(words) == 2 and words[0] in "hcs" and words[1] in ("0", "n", "t"):
        return words[0]
    return " ".join(_NUMBERED.sub(r"\1", word) if _NUMBERED.fullmatch(word) else word for word in words)


def _twice(pairs: Sequence[_Pair]) -> Iterator[Problem]:
    """Inputs and outputs that several pairs name."""
    by_input = [("input", pair.input, pair.output, pair.text) for pair in pairs]
    by_output = [("output", pair.output, pair.input, pair.text) for pair in pairs]
    for ends in (by_input, by_output):
        for name, count in Counter(name for _, name, _, _ in ends).items():
            if count > 1:
                what = ends[0][0]
                same = [(other, text) for _, each, other, text in ends if each == name]
                others = ", ".join(repr(other) for other, _ in same)
                yield _problem(
                    f"the {what} {name!r} is named {count} times",
                    ", ".join(dict.fromkeys(text for _, text in same)),
                    f"it is paired with {others}; a state is one input and one output",
                    "name it once; a model can return one value as several outputs",
                )


def _misfits(graph: Graph, source: _Pair, before: Port, after: Port) -> Iterator[Problem]:
    """Shapes and types that cannot be one tensor."""
    if before.model_shape != after.model_shape:
        yield _problem(
            f"input {before.name!r} and output {after.name!r} have different shapes",
            source.text,
            f"found {before.model_shape} and {after.model_shape}; the output is what the next run finds",
            "pair tensors of one shape, or give --input-shape where the model leaves the input's open",
        )
    fixed = fixed_source(graph, after.tensor)
    if fixed is not None and fixed.dtype is DType.INT32:
        yield _problem(
            f"input {before.name!r} and output {after.name!r} have different types",
            source.text,
            "the output is indices (int32), the input is real numbers",
            "pair an output of real numbers",
        )


def _nothing_left(graph: Graph, pairs: Sequence[_Pair]) -> Iterator[Problem]:
    """A model has to be given something, and to give something."""
    tied = ({pair.input for pair in pairs}, {pair.output for pair in pairs})
    for what, ports, names in (("input", graph.inputs, tied[0]), ("output", graph.outputs, tied[1])):
        if pairs and all(port.name in names for port in ports):
            yield _problem(
                f"no {what} would be left",
                ", ".join(dict.fromkeys(pair.text for pair in pairs)),
                f"{_names(what, ports)}, all of them state",
                f"leave one out, or add an {what} to the model: a state may be returned as well",
            )


def _wrong_initial(
    pairs: Sequence[_Pair], inputs: Mapping[str, Port], initial: Mapping[str, tuple[float, ...]]
) -> Iterator[Problem]:
    names = [pair.input for pair in pairs]
    for name, values in initial.items():
        where = f"--state-initial {name!r}"
        if name not in names:
            why = f"the states are {', '.join(map(repr, names)) or 'none'}"
            fix = "name one of these, or make it state with --state IN:OUT"
            yield Problem("O019", f"{name!r} is no state", where, why, fix)
        elif len(values) not in (1, elem_count(inputs[name].model_shape)):
            shape = inputs[name].model_shape
            why = f"found {len(values):_}, expected 1 or {elem_count(shape):_} for shape {shape}"
            yield Problem("O019", "a state has another number of elements", where, why, "give as many")


def _names(what: str, ports: Sequence[Port]) -> str:
    listed = ", ".join(f"{port.name!r} {port.model_shape}" for port in ports)
    return f"the {what}{'s are' if len(ports) > 1 else ' is'} {listed}"


def _problem(title: str, text: str, why: str, fix: str) -> Problem:
    return Problem("O019", title, f"{_OPTION} {text}", why, fix)
