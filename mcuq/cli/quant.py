"""The options of quantization that `build` and `calibrate` share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from mcuq.calibrate.images import Color, Layout, Orientation, Preprocessing
from mcuq.cli.parse import parse_floats, parse_size
from mcuq.pipeline.calibration import CalibrationData

CalibrationOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Samples: .npy, .npz, or a folder. Real values, the model's layout.")
]
EncodingsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Parameters of another tool: mcuq's JSON, AIMET or ONNX Runtime; see interchange.md."),
]
LabelsOption: TypeAlias = Annotated[Path | None, typer.Option(help="Classes: .npy or class folders.")]
ColorOption: TypeAlias = Annotated[
    Color | None, typer.Option("--color", help="Image folders: order of the channels.")
]
SizeOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="HxW", help="Image folders: resize to this.")
]
MeanOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="M[,M,M]", help="Image folders: subtracted after --scale.")
]
StdOption: TypeAlias = Annotated[str | None, typer.Option(metavar="S[,S,S]", help="Image folders: divisor.")]
ScaleOption: TypeAlias = Annotated[
    float | None, typer.Option(help="Image folders: factor of the pixels 0..255.")
]
LayoutOption: TypeAlias = Annotated[
    Layout | None, typer.Option("--layout", help="Image folders: where the model wants channels.")
]
OrientationOption: TypeAlias = Annotated[
    Orientation | None,
    typer.Option("--orientation", help="Image folders: pixels as stored (default), or turned as EXIF says."),
]
_DEFAULT = Preprocessing()


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
