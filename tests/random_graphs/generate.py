"""From a seed to a model, options and data. A model with fewer nodes is the beginning of the larger one."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import onnx

from mcuq.options import CalibrationMethod, OptimizeFor, QuantOptions
from tests.random_graphs import layers
from tests.random_graphs.drawing import Rng, draws
from tests.random_graphs.net import CHARACTERS, ENDS, MAX_ELEMS, Net, Value

# Graphs of one executable share these: a block of seeds starts at a multiple.
GROUP = 10
TARGETS = ("cortex-m4", "cortex-m4", "cortex-m4", "cortex-m0plus", "cortex-m3", "cortex-m33")
OPSETS = (9, 10, 11, 12, 13, 13, 14, 15, 17, 17, 18, 19, 20, 21, 22, 23, 24)
MAX_NODES = 12
# The first three are sound for benign graphs; all others follow in their order.
METHODS = tuple(dict.fromkeys(["mse", "minmax", "percentile", *typing.get_args(CalibrationMethod)]))
# Operators that mcuq does on paper alone.
MOVES = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Dropout", "Imputer"}
# What is undefined below zero, where codes of a symmetric scheme lie.
POSITIVE = {"Acosh", "Div", "Log", "Reciprocal", "ReduceLogSum", "Sqrt"}
# Purposes of random numbers: what one draws does not change what another does.
_SHAPE, _OPTIONS, _DATA, _OUTPUTS, _NODE, _TARGET, _ENCODINGS, _STATE, _WIDTHS = range(9)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that a test of one graph needs.

    Args:
        seed: what everything was drawn from.
        model: the graph.
        options: how it is quantized.
        data: `[samples, *shape]` by input that is no state, one sequence; None for a build without data.
        targets: the emulated cores.
        opt: the cross compiler's optimization option.
        is_benign: whether the integers should be near the float model.
        encodings: parameters of another tool for the inputs, None without.
        is_mixed: whether single tensors and layers have widths of their own.
    """

    seed: int
    model: onnx.ModelProto
    options: QuantOptions
    data: dict[str, np.ndarray] | None
    targets: tuple[str, ...]
    opt: str
    is_benign: bool
    encodings: dict[str, object] | None = None
    is_mixed: bool = False


def _rng(seed: int, *purpose: int) -> Rng:
    return np.random.default_rng([seed, *purpose])


def generate(
    seed: int,
    nodes: int | None = None,
    skip: frozenset[int] = frozenset(),
    *,
    is_mixed: bool = False,
    targets: tuple[str, ...] = (),
) -> Recipe:
    """Everything for one graph.

    Args:
        seed: 0 or more.
        nodes: how many actions at most; by default as many as the seed says.
        skip: positions of actions to leave out, to make a failure smaller.
        is_mixed: whether tensors and layers get widths of their own wherever the model leaves them open.
        targets: the emulated cores; by default one that the seed says.
    """
    net, is_benign = draw_actions(seed, nodes, skip)
    outputs = _choose_outputs(net, _rng(seed, _OUTPUTS))
    states = _draw_states(net, _rng(seed, _STATE))
    model = net.model([*outputs, *states.values()])
    has_islands = any(node.op_type == "QuantizeLinear" for node in net.nodes)
    data = _draw_data(net, _rng(seed, _DATA), is_benign, is_needed=is_benign or has_islands)
    block = _rng(seed // GROUP, _TARGET)
    target = TARGETS[block.integers(len(TARGETS))]
    opt = str(block.choice(["-O2", "-O2", "-Os", "-O3", "-O1"]))
    if data is not None:
        data = {name: values for name, values in data.items() if name not in states}
    drawn = 0 if data is None else len(data[net.inputs[0].name])
    options = _draw_options(net, _rng(seed, _OPTIONS), is_benign, drawn)
    if POSITIVE & {node.op_type for node in net.nodes}:
        options = dataclasses.replace(options, activations="asymmetric")
    if has_islands:
        # The model says something else than these.
        options = dataclasses.replace(options, equalize="auto", input_ranges={}, weight_bits=8)
    if states:
        pairs = tuple(f"{name}:{value.name}" for name, value in states.items())
        options = dataclasses.replace(options, state=pairs)
    # Another tool's range of an input contradicts a given one, and one that the model has.
    has_encodings = (
        not is_benign and not options.input_ranges and not has_islands and drawn > 0 and not states
    ) and not is_mixed
    encodings = _draw_encodings(net, _rng(seed, _ENCODINGS)) if has_encodings else None
    if encodings is not None:
        options = dataclasses.replace(options, equalize="auto", weight_bits=8)
    elif not has_islands and (width := _rng(seed, _WIDTHS).random()) < 0.3:
        # Operators without a form for int16 lie between: a graph of mixed widths.
        options = dataclasses.replace(options, activation_bits=16)
        is_mixed = is_mixed or width < 0.15
    is_mixed = is_mixed and not has_islands
    return Recipe(seed, model, options, data, targets or (target,), opt, is_benign, encodings, is_mixed)


def draw_actions(seed: int, nodes: int | None = None, skip: frozenset[int] = frozenset()) -> tuple[Net, bool]:
    """The model before outputs and states are chosen, and whether it is benign; parameters of `generate`."""
    shape = _rng(seed, _SHAPE)
    is_benign = bool(shape.random() < 0.5)
    net = _draw_net(shape, is_benign)
    planned = int(shape.integers(1, MAX_NODES + 1))
    for index in range(planned if nodes is None else min(nodes, planned)):
        if index not in skip:
            _act(net, _rng(seed, _NODE, index))
    return net, is_benign


def _draw_encodings(net: Net, rng: Rng) -> dict[str, object] | None:
    """Scales and zero points of some inputs, as AIMET writes them."""
    if rng.random() < 0.8:
        return None
    scales = np.float32(2.0 ** rng.uniform(-8, 0, len(net.inputs)))
    entries = {
        value.name: [encoding(float(scale), int(rng.integers(-255, 1)))]
        for value, scale in zip(net.inputs, scales, strict=True)
    }
    return {"version": "0.6.1", "activation_encodings": entries, "param_encodings": {}}


def encoding(scale: float, offset: int) -> dict[str, object]:
    """Eight bits as AIMET writes them."""
    return {
        "bitwidth": 8,
        "dtype": "int",
        "is_symmetric": "False",
        "scale": scale,
        "offset": offset,
        "min": scale * offset,
        "max": scale * (offset + 255),
    }


def planned_nodes(seed: int) -> int:
    """How many actions a seed asks for."""
    shape = _rng(seed, _SHAPE)
    shape.random()
    _draw_net(shape, False)
    return int(shape.integers(1, MAX_NODES + 1))


def _draw_net(rng: Rng, is_benign: bool) -> Net:
    """A model with its inputs."""
    chosen = [CHARACTERS[i] for i in rng.integers(len(CHARACTERS), size=3)]
    naming = str(rng.choice(["plain", "plain", "exporter", "hostile"]))
    opset = int(rng.choice(OPSETS))
    is_wild = bool(rng.random() < 0.5)
    net = Net(opset, naming, ["gaussian"] if is_benign else ["gaussian", *chosen], is_wild=is_wild)
    batch = int(rng.choice([1, 1, 1, 1, 2, 3]))
    for number in range(int(rng.choice([1, 1, 1, 2, 3]))):
        if number and rng.random() < 0.5:
            first = net.inputs[0]
            net.add_input(rng, first.shape, first.kind)
        else:
            draw_input(net, rng, batch)
    return net


def draw_input(net: Net, rng: Rng, batch: int) -> None:
    """Add an input of any shape."""
    net.add_input(rng, *_draw_shape(rng, batch))


def _draw_shape(rng: Rng, batch: int) -> tuple[tuple[int, ...], str]:
    kind = rng.random()
    channels = int(rng.choice([1, 2, 3, 3, 4, 5, 8, 9, 13, 16, 24, 33]))
    h, w = (int(n) for n in rng.integers(1, 13, 2))
    if rng.random() < 0.15:
        # Many pixels or many channels, not both.
        h, w = (int(n) for n in rng.integers(1, 41, 2))
        channels = max(1, min(channels, MAX_ELEMS // (batch * h * w)))
    if kind < 0.6:
        return (batch, channels, h, w), "image"
    if kind < 0.7:
        return (batch, h, w, channels), "nhwc"
    if kind < 0.8:
        return (batch, channels, h * 2), "image"
    length = rng.integers(40, MAX_ELEMS) if rng.random() < 0.2 else rng.integers(1, 40)
    return (batch, int(length)), "vector"


def _act(net: Net, rng: Rng) -> None:
    """One action that can be done on what is there; an activation can always be."""
    weights = np.array([each.weight for each in draws()], float)
    for _ in range(30):
        if draws()[rng.choice(len(draws()), p=weights / weights.sum())].action(net, rng):
            return
    layers.activation(net, rng)


def _choose_outputs(net: Net, rng: Rng) -> list[Value]:
    """What nothing reads, most of it, and sometimes what is read too, in any order."""
    used = {name for node in net.nodes for name in node.input}
    void = _void_values(net)
    if all(value.name in void or value.kind == "unread" for value in net.values):
        layers.activation(net, rng)
    is_strict = rng.random() < 0.95
    able = [value for value in net.values if value.kind != "unread"]
    computed = [v for v in able if v not in net.inputs and not (is_strict and v.name in void)]
    ends = [value for value in computed if value.name not in used]
    kept = [value for value in ends if rng.random() < 0.95] or ends
    if rng.random() < 0.35:
        kept += [computed[i] for i in rng.integers(len(computed), size=int(rng.integers(1, 3)))]
    kept = list(dict.fromkeys(kept))
    return [kept[i] for i in rng.permutation(len(kept))] if rng.random() < 0.3 else kept


def _draw_states(net: Net, rng: Rng) -> dict[str, Value]:
    """What some inputs are in the next run; limited, as it goes round."""
    if rng.random() < 0.6:
        return {}
    return {x.name: _next_value(net, rng, x) for x in net.inputs[1:] if rng.random() < 0.7}


def _next_value(net: Net, rng: Rng, x: Value) -> Value:
    able = [v for v in net.values if v.shape == x.shape and v.kind not in ENDS]
    source = able[rng.integers(len(able))]
    form = rng.random()
    if form < 0.1 and source in net.inputs and source != x:
        return net.add(rng, "Identity", [source.name], x.shape, x.kind)
    if form < 0.4:
        rate = net.constant(rng, np.float32(rng.uniform(0.3, 0.95)), "rate")
        kept = net.add(rng, "Mul", [x.name, rate], x.shape, x.kind)
        source = net.add(rng, "Add", [kept.name, source.name], x.shape, x.kind)
    return net.add(
        rng, str(rng.choice(["Tanh", "Sigmoid", "Softsign", "HardSigmoid"])), [source.name], x.shape, x.kind
    )


def _void_values(net: Net) -> set[str]:
    """Inputs and what is the same values as an input: mcuq refuses to return them."""
    void = {value.name for value in net.inputs}
    for node in net.nodes:
        if node.op_type in MOVES and node.input[0] in void:
            void.add(node.output[0])
    return void


def _draw_data(net: Net, rng: Rng, is_benign: bool, *, is_needed: bool) -> dict[str, np.ndarray] | None:
    """Calibration data of varied ranges; a model that is quantized in part cannot do without."""
    samples = int(rng.integers(4 if is_benign else 1, 9))
    has_data = is_needed or rng.random() < 0.85
    kinds = ["normal", "unit"]
    if not is_benign:
        kinds += ["bytes", "tiny", "far", "zero", "heavy", "negative"]
    data = {}
    for value in net.inputs:
        kind = str(rng.choice(kinds))
        data[value.name] = _draw_array(rng, kind, (samples, *value.shape)).astype(np.float32)
    return data if has_data else None


def _draw_array(rng: Rng, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    normal = rng.normal(size=shape)
    match kind:
        case "unit":
            return rng.uniform(0, 1, shape)
        case "bytes":
            return rng.integers(0, 256, shape)
        case "tiny":
            return normal * 10.0 ** rng.uniform(-6, -1)
        case "far":
            return normal * 0.5 + float(rng.choice([-40.0, 40.0]))
        case "zero":
            return normal * (rng.random() < 0.5) * 0.0
        case "heavy":
            return normal**5
        case "negative":
            return -np.abs(normal)
        case _:
            return normal


def _draw_options(net: Net, rng: Rng, is_benign: bool, drawn: int) -> QuantOptions:
    """Options for so many samples."""
    most = int(rng.integers(1, 9)) if not is_benign else 8
    # To equalize takes some.
    samples = min(most, drawn)
    given = {}
    if not is_benign and rng.random() < 0.15:
        ends = sorted(rng.normal(size=2) * 10.0 ** rng.uniform(-2, 2))
        given = {net.inputs[0].name: (float(ends[0]), float(ends[1]))}
    options: dict[str, object] = {
        # KL and mean cut the few values of a small tensor off: sound, but far from the float model.
        "method": METHODS[rng.integers(3 if is_benign else len(METHODS))],
        "percentile": 99.999 if is_benign else float(rng.choice([99.0, 99.9, 99.999, 100.0, 75.0])),
        "activations": ("asymmetric", "symmetric")[rng.integers(2)],
        "weights": ("per-channel", "per-channel", "per-tensor")[rng.integers(3)],
        # Adaround takes many times as long.
        "weight_rounding": ("gptq", "nearest", "adaround")[
            0 if rng.random() < 0.5 else rng.choice([1, 1, 1, 2])
        ],
        "equalize": ("auto", "off", "on")[rng.integers(3 if samples >= 4 else 2)],
        "eliminate_channels": (None, None, True, False)[rng.integers(4)],
        "optimize": (None, *typing.get_args(OptimizeFor))[rng.integers(5)],
        "headroom": float(rng.choice([1.0, 1.1, 1.5])),
        "rounding": ("double", "single")[rng.integers(2)],
        "samples": most,
        "sampling": ("random", "first")[rng.integers(2)],
        "seed": int(rng.integers(1000)),
        "input_ranges": given,
        "weight_bits": 8 if is_benign else (8, 4)[rng.integers(2)],
    }
    known = {field.name for field in dataclasses.fields(QuantOptions)}
    return QuantOptions(**{name: value for name, value in options.items() if name in known})
