"""The options of quantization that `build` and `calibrate` share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mcuq.calibrate.images import Color, Layout, Orientation, Preprocessing
from mcuq.calibrate.overrides import read_overrides, read_ties
from mcuq.cli.parse import parse_floats, parse_size
from mcuq.options import SIZE_RATE, Equalize, OptimizeFor, Override, Sampling, WeightRounding
from mcuq.pipeline.calibration import CalibrationData

Calibration: TypeAlias = Annotated[
    Path | None, typer.Option(help="Samples: .npy, .npz, or a folder. Real values, the model's layout.")
]
Encodings: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Parameters of another tool: mcuq's JSON, AIMET or ONNX Runtime; see interchange.md."),
]
Percentile: TypeAlias = Annotated[
    float, typer.Option(min=50.001, max=100, help="Share of values that the percentile method covers.")
]
Headroom: TypeAlias = Annotated[
    float,
    typer.Option(min=1, max=10, help="The mse method's ranges are widened by this factor for new samples."),
]
Samples: TypeAlias = Annotated[int, typer.Option(min=1, help="How many calibration samples to use.")]
SamplingOption: TypeAlias = Annotated[
    Sampling | None,
    typer.Option("--sampling", help="Which ones; default stratified with labels, else random."),
]
Labels: TypeAlias = Annotated[Path | None, typer.Option(help="Classes: .npy or class folders.")]
Seed: TypeAlias = Annotated[int, typer.Option(min=0, help="Of random sampling and synthetic inputs.")]
InputRange: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME=lo:hi", help="Real range of an input.")
]
InputShape: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=1,3,32,32", help="Shape of an input where the model leaves it open."),
]
WeightRoundingOption: TypeAlias = Annotated[
    WeightRounding, typer.Option(help="Fit weights to the calibration samples, or round them to nearest.")
]
Config: TypeAlias = Annotated[
    Path | None, typer.Option(help="Ranges of single tensors (.toml), see docs/calibration.md.")
]
EqualizeOption: TypeAlias = Annotated[
    Equalize, typer.Option(help="Rescale channels between layers; auto: where held-out samples gain by it.")
]
EliminateOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--eliminate-channels/--keep-channels",
        help="Drop channels that are constant or unread, bit-exactly; default: drop, or as a stored program.",
    ),
]
OptimizeOption: TypeAlias = Annotated[
    OptimizeFor | None,
    typer.Option(
        "--optimize",
        help=f"What kernels are chosen for (size: up to {SIZE_RATE} % more cycles per percent of flash that "
        "is saved); default: balanced, or as a stored program.",
    ),
]
ColorOption: TypeAlias = Annotated[
    Color | None, typer.Option("--color", help="Image folders: order of the channels.")
]
Size: TypeAlias = Annotated[str | None, typer.Option(metavar="HxW", help="Image folders: resize to this.")]
Mean: TypeAlias = Annotated[
    str | None, typer.Option(metavar="M[,M,M]", help="Image folders: subtracted after --scale.")
]
Std: TypeAlias = Annotated[str | None, typer.Option(metavar="S[,S,S]", help="Image folders: divisor.")]
Scale: TypeAlias = Annotated[float | None, typer.Option(help="Image folders: factor of the pixels 0..255.")]
LayoutOption: TypeAlias = Annotated[
    Layout | None, typer.Option("--layout", help="Image folders: where the model wants channels.")
]
OrientationOption: TypeAlias = Annotated[
    Orientation | None,
    typer.Option("--orientation", help="Image folders: pixels as stored (default), or turned as EXIF says."),
]
_DEFAULT = Preprocessing()


def overrides(config: Path | None) -> tuple[Override, ...]:
    """What a configuration says; nothing without one.

    Raises:
        McuqError: O001, O004 or O012.
    """
    return () if config is None else read_overrides(config)


def ties(config: Path | None) -> tuple[tuple[str, ...], ...]:
    """What a configuration says has one scale; nothing without one.

    Raises:
        McuqError: O001, O004 or O012.
    """
    return () if config is None else read_ties(config)


def override_lines(recorded: Iterable[tuple[str, str]]) -> list[str]:
    """What a configuration changed, a line per tensor and tie."""
    lines = []
    for key, value in recorded:
        kind, _, name = key.partition(".")
        if kind == "override":
            lines.append(f"config: {name}: {value}")
        elif kind == "tie":
            lines.append(f"config: one scale for {value}")
    return lines


def data(
    calibration: Path | None,
    labels: Path | None,
    color: Color | None,
    size: str | None,
    mean: str | None,
    std: str | None,
    scale: float | None,
    layout: Layout | None,
    orientation: Orientation | None,
) -> CalibrationData | None:
    """Where calibration samples come from, None without any.

    Raises:
        McuqError: O001.
    """
    images = preprocessing(color, size, mean, std, scale, layout, orientation)
    return None if calibration is None else CalibrationData(calibration, labels, images)


def preprocessing(
    color: Color | None,
    size: str | None,
    mean: str | None,
    std: str | None,
    scale: float | None,
    layout: Layout | None,
    orientation: Orientation | None,
    default: Preprocessing = _DEFAULT,
) -> Preprocessing:
    """How images become values; what was not given is as in `default`.

    Raises:
        McuqError: O001.
    """
    return Preprocessing(
        color=color or default.color,
        size=default.size if size is None else parse_size(size),
        mean=default.mean if mean is None else parse_floats("--mean", mean),
        std=default.std if std is None else parse_floats("--std", std),
        scale=default.scale if scale is None else scale,
        layout=layout or default.layout,
        orientation=orientation or default.orientation,
    )
