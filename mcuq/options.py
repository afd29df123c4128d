"""The options of a build: each declared once, all of them one value that travels with the program."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from mcuq.settings import Override, StatePair

CalibrationMethod: TypeAlias = Literal["mse", "minmax", "percentile", "kl", "mean", "auto"]
Sampling: TypeAlias = Literal["stratified", "random", "first"]
Activations: TypeAlias = Literal["asymmetric", "symmetric"]
Weights: TypeAlias = Literal["per-channel", "per-tensor"]
WeightBits: TypeAlias = Literal[8, 4]
WeightRounding: TypeAlias = Literal["gptq", "adaround", "nearest"]
Equalize: TypeAlias = Literal["auto", "on", "off"]
ActivationBits: TypeAlias = Literal[8, 16]
OptimizeFor: TypeAlias = Literal["speed", "balanced", "size", "ram"]
OutputType: TypeAlias = Literal["int8", "int16", "real"]
RoundingName: TypeAlias = Literal["double", "single"]
Kernels: TypeAlias = Literal["own", "cmsis-nn", "auto"]

# Percent of cycles that `--optimize size` may take for each percent of flash that it saves (docs/guide.md).
SIZE_RATE = 2
# Multiply-accumulates of layers in strips at most, as a multiple of those of whole layers (docs/guide.md).
MAX_RECOMPUTE = 1.25

Recorded: TypeAlias = Iterable[tuple[str, str]]
Command: TypeAlias = Literal[
    "calibrate", "analyze", "build", "tune", "inspect", "evaluate", "simulate", "verify"
]

CALIBRATING: tuple[Command, ...] = ("calibrate", "analyze", "build", "tune")
ANALYZING: tuple[Command, ...] = ("analyze", "build", "tune")
BUILDING: tuple[Command, ...] = ("build", "tune")
READING: tuple[Command, ...] = (*CALIBRATING, "evaluate", "simulate", "verify")


def recorded_value(key: str, value: object, _options: QuantOptions) -> Recorded:
    """The value itself; floats are exact."""
    yield key, repr(value) if isinstance(value, float) else str(value)


def not_recorded(_key: str, _value: object, _options: QuantOptions) -> Recorded:
    """Nothing: the program says it elsewhere."""
    return ()


def recorded_with(method: CalibrationMethod) -> Callable[[str, object, QuantOptions], Recorded]:
    """The value where ranges are chosen by one method, to which alone it matters, or by any of them."""

    def record(key: str, value: object, options: QuantOptions) -> Recorded:
        return recorded_value(key, value, options) if options.method in (method, "auto") else ()

    return record


def recorded_unless(default: object) -> Callable[[str, object, QuantOptions], Recorded]:
    """The value where it is not what was there before the option was."""

    def record(key: str, value: object, options: QuantOptions) -> Recorded:
        return () if value == default else recorded_value(key, value, options)

    return record


def _recorded_ranges(key: str, value: Mapping[str, tuple[float, float]], _options: QuantOptions) -> Recorded:
    return ((f"{key}.{name}", f"{lo!r}:{hi!r}") for name, (lo, hi) in value.items())


def _recorded_shapes(key: str, value: Mapping[str, tuple[int, ...]], _options: QuantOptions) -> Recorded:
    return ((f"{key}.{name}", ",".join(map(str, shape))) for name, shape in value.items())


def _recorded_types(key: str, _value: Mapping[str, OutputType], options: QuantOptions) -> Recorded:
    return ((f"{key}.{name}" if name else key, dtype) for name, dtype in options.asked_types.items())


def _recorded_ties(_key: str, value: tuple[tuple[str, ...], ...], _options: QuantOptions) -> Recorded:
    return ((f"tie.{number}", ", ".join(group)) for number, group in enumerate(value, 1))


def _recorded_state(_key: str, value: tuple[str, ...], options: QuantOptions) -> Recorded:
    """As texts of `--state`, those of the configuration behind the others: a model's ports say the rest."""
    texts = [*value, *(f"{pair.input}:{pair.output}" for pair in options.state_pairs)]
    return ((f"state.{number}", text) for number, text in enumerate(texts, 1))


def _recorded_initial(key: str, value: Mapping[str, tuple[float, ...]], options: QuantOptions) -> Recorded:
    given = {pair.input: pair.initial for pair in options.state_pairs if pair.initial is not None}
    for name, values in {**given, **value}.items():
        digest = hashlib.sha256(repr(values).encode()).hexdigest()
        yield f"{key}.{name}", repr(values[0]) if len(values) == 1 else f"{len(values)} values {digest}"


@dataclasses.dataclass(frozen=True, slots=True)
class Declaration:
    """All that is said of one option, once: command line, record and documentation follow from it.

    Args:
        flag: on the command line.
        help: what it does, in one line.
        commands: those that take it.
        pairs: what of it is recorded, from its key, its value and all options.
        recorded_as: under which key, for the documentation; nothing where it is not.
        metavar: how its value is written, where that is more than a word.
        least: the smallest number allowed.
        most: the largest.
        opposite: the flag that says no, of a switch.
        is_left_open: on the command line there is no default; the command decides.
        is_about_samples: only says how ranges are measured: who has a program does not ask again.
    """

    flag: str
    help: str
    commands: tuple[Command, ...] = BUILDING
    pairs: Callable[[str, Any, QuantOptions], Recorded] = recorded_value
    recorded_as: str = ""
    metavar: str | None = None
    least: float | None = None
    most: float | None = None
    opposite: str | None = None
    is_left_open: bool = False
    is_about_samples: bool = False

    @property
    def name(self) -> str:
        """What Python calls the flag."""
        return self.key.replace("-", "_")

    @property
    def key(self) -> str:
        """The flag without its dashes."""
        return self.flag.removeprefix("--")

    def record(self, value: object, options: QuantOptions) -> Recorded:
        """The pairs that go into manifest and banner.

        Args:
            value: of the option.
            options: of which it is one.
        """
        return self.pairs(self.key, value, options)


def declared(options: type[Any]) -> dict[str, Declaration]:
    """The declarations of options by field, in order."""
    return {field.name: field.metadata["option"] for field in dataclasses.fields(options)}


def option(default: object, flag: str, text: str, **more: Any) -> Any:  # noqa: ANN401 - any field's type
    """Declare an option as a field of `QuantOptions`.

    Args:
        default: its value where nothing is said; a mapping is copied.
        flag: as of `Declaration`.
        text: its help.
        more: further fields of `Declaration`.
    """
    metadata = {"option": Declaration(flag, text, **{"recorded_as": flag.removeprefix("--"), **more})}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: MappingProxyType(dict(default)), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class QuantOptions:
    """How a float graph becomes integers; each field is declared with what it means (docs/options.md)."""

    method: CalibrationMethod = option(
        "mse", "--calibration-method", "How ranges are chosen.", commands=CALIBRATING, is_about_samples=True
    )
    percentile: float = option(
        99.999,
        "--percentile",
        "Share of values that the percentile method covers.",
        commands=CALIBRATING,
        pairs=recorded_with("percentile"),
        is_about_samples=True,
        least=50.001,
        most=100,
    )
    # New samples go beyond those that were seen.
    headroom: float = option(
        1.1,
        "--headroom",
        "The mse method's ranges are widened by this factor for new samples.",
        commands=CALIBRATING,
        pairs=recorded_with("mse"),
        is_about_samples=True,
        least=1,
        most=10,
    )
    samples: int = option(
        128,
        "--samples",
        "How many calibration samples to use.",
        commands=CALIBRATING,
        least=1,
        is_about_samples=True,
    )
    sampling: Sampling = option(
        "random",
        "--sampling",
        "Which ones; default stratified with labels, else random.",
        commands=CALIBRATING,
        is_left_open=True,
        is_about_samples=True,
    )
    seed: int = option(
        0,
        "--seed",
        "Of random sampling and synthetic inputs.",
        commands=CALIBRATING,
        least=0,
        is_about_samples=True,
    )
    input_ranges: Mapping[str, tuple[float, float]] = option(
        {},
        "--input-range",
        "Real range of an input.",
        commands=CALIBRATING,
        pairs=_recorded_ranges,
        recorded_as="input-range.NAME",
        metavar="NAME=lo:hi",
    )
    input_shapes: Mapping[str, tuple[int, ...]] = option(
        {},
        "--input-shape",
        "Shape of an input where the model leaves it open.",
        commands=(*CALIBRATING, "inspect"),
        pairs=_recorded_shapes,
        recorded_as="input-shape.NAME",
        metavar="NAME=1,3,32,32",
    )
    # One file says both. What it changes of which tensor is recorded where that is known.
    overrides: tuple[Override, ...] = option(
        (),
        "--config",
        "Ranges and widths of single tensors (.toml), see docs/calibration.md.",
        commands=CALIBRATING,
        pairs=not_recorded,
        recorded_as="",
    )
    ties: tuple[tuple[str, ...], ...] = option(
        (),
        "--config",
        "Inputs and outputs that have one scale and zero point (.toml), see docs/calibration.md.",
        commands=CALIBRATING,
        pairs=_recorded_ties,
        recorded_as="tie.NUMBER",
    )
    state_pairs: tuple[StatePair, ...] = option(
        (),
        "--config",
        "Inputs and outputs that are state (.toml), see docs/state.md.",
        commands=CALIBRATING,
        pairs=not_recorded,
        recorded_as="",
    )
    configured_types: Mapping[str, OutputType] = option(
        {},
        "--config",
        "Types of outputs (.toml), see docs/calibration.md.",
        commands=CALIBRATING,
        pairs=not_recorded,
        recorded_as="",
    )
    state: tuple[str, ...] = option(
        (),
        "--state",
        "An input that finds in each run what an output was in the run before; auto: pair them by name and "
        "shape. See docs/state.md.",
        commands=CALIBRATING,
        pairs=_recorded_state,
        recorded_as="state.NUMBER",
        metavar="IN:OUT",
    )
    state_initial: Mapping[str, tuple[float, ...]] = option(
        {},
        "--state-initial",
        "Real value of a state in the first run: a number, or a .npy file; default 0.",
        commands=CALIBRATING,
        pairs=_recorded_initial,
        recorded_as="state-initial.NAME",
        metavar="IN=0.5",
    )
    stream: int | None = option(
        None,
        "--stream",
        "Take columns of this axis of the inputs, time, a hop at a time, and keep what later runs need of "
        "them. See docs/state.md.",
        pairs=not_recorded,
        recorded_as="stream.axis",
        metavar="AXIS",
    )
    hop: int | None = option(
        None,
        "--hop",
        "How many columns a run of a stream takes; default: as many as the strides ask for.",
        pairs=not_recorded,
        recorded_as="stream.hop",
        metavar="COLUMNS",
        least=1,
    )
    activations: Activations = option(
        "asymmetric", "--activations", "With or without a zero point.", commands=CALIBRATING
    )
    activation_bits: ActivationBits = option(
        8,
        "--activation-bits",
        "Of the activations; 16: of all but the model's inputs, as far as operators have a form for it. See "
        "docs/calibration.md.",
        commands=("analyze", "build"),  # of single tensors it is what `mcuq tune` looks for
        pairs=recorded_unless(8),
    )
    output_types: Mapping[str, OutputType] = option(
        {},
        "--output-type",
        "Of all outputs, or of one: int8, int16, or real, which is int16 of a scale 2^-n; default: as "
        "computed. See docs/calibration.md.",
        commands=ANALYZING,
        pairs=_recorded_types,
        metavar="[NAME=]int16",
    )
    weights: Weights = option("per-channel", "--weights", "Scales of the weights.", commands=ANALYZING)
    weight_bits: WeightBits = option(
        8,
        "--weight-bits",
        "Of the weights; 4: of all layers but the first, the last and depthwise convolutions. See "
        "docs/calibration.md.",
        commands=("analyze", "build"),  # as activation_bits
        pairs=recorded_unless(8),
    )
    # Both fits choose scales, roundings and biases by the errors they make; adaround takes many times longer.
    weight_rounding: WeightRounding = option(
        "gptq",
        "--weight-rounding",
        "Fit weights to the calibration samples, or round them to nearest.",
        commands=ANALYZING,
    )
    equalize: Equalize = option(
        "auto",
        "--equalize",
        "Rescale channels between layers; auto: where held-out samples gain by it.",
        commands=ANALYZING,
    )
    # docs/numerics.md, R3; a field of the program.
    rounding: RoundingName = option(
        "double",
        "--rounding",
        "The requantization contract.",
        commands=ANALYZING,
        pairs=not_recorded,
        recorded_as="",
    )
    eliminate_channels: bool | None = option(
        None,
        "--eliminate-channels",
        "Drop channels that are constant or unread, bit-exactly; default: drop, or as a stored program.",
        pairs=not_recorded,
        recorded_as="",
        opposite="--keep-channels",
    )
    consume_input: bool | None = option(
        None,
        "--consume-input",
        "Inputs lie in the arena and are overwritten, so that their memory serves other layers; default: "
        "they are the caller's, or as a stored program.",
        pairs=not_recorded,
        recorded_as="",
        opposite="--keep-input",
    )
    optimize: OptimizeFor | None = option(
        None,
        "--optimize",
        f"What kernels are chosen for (size: up to {SIZE_RATE} % more cycles per percent of flash that is "
        "saved; ram: the smallest arena, layers in strips); default: balanced, or as a stored program.",
        pairs=not_recorded,
        recorded_as="",
    )
    kernels: Kernels | None = option(
        None,
        "--kernels",
        "Whose kernels: mcuq's own, calls of CMSIS-NN 7, which your build brings along, where it has a step, "
        "or of the two what is faster (docs/cmsis-nn.md); default: own, or as a stored program.",
        pairs=not_recorded,
        recorded_as="",
    )
    # Which modes there are depends on the target; a stored program knows neither.
    flash: str | None = option(
        None,
        "--flash",
        "The mode of the board's flash, by name (docs/targets.md): kernels and the constants that wait in "
        "the arena are chosen for it; default: as the board is shipped.",
        metavar="MODE",
        pairs=not_recorded,
        recorded_as="",
    )
    max_recompute: float | None = option(
        None,
        "--max-recompute",
        "With --optimize ram, multiply-accumulates at most, as a multiple of those of whole layers; "
        f"default: {MAX_RECOMPUTE}, or as a stored program.",
        least=1,
        most=16,
        pairs=not_recorded,
        recorded_as="",
    )

    @property
    def asked_types(self) -> Mapping[str, OutputType]:
        """Types of outputs by name, by "" of all others; the option goes before the configuration."""
        return {**self.configured_types, **self.output_types}

    def record(self) -> tuple[tuple[str, str], ...]:
        """Sorted (option, value) pairs for manifest and banner; floats are exact."""
        fields = declared(type(self)).items()
        return tuple(sorted(pair for name, each in fields for pair in each.record(getattr(self, name), self)))
