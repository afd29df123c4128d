"""Files that several commands take, and what they say of a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

CalibrationOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Samples: .npy, .npz, or a folder. Real values, the model's layout.")
]
EncodingsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Parameters of another tool: mcuq's JSON, AIMET or ONNX Runtime; see interchange.md."),
]
MaxFlash: TypeAlias = Annotated[
    str | None, typer.Option(help="Bytes of constants and code at most, as 64K or 1M.", metavar="BYTES")
]
MaxRam: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Bytes of arena, buffers of inputs and outputs, and state at most.", metavar="BYTES"),
]
MaxCycles: TypeAlias = Annotated[
    str | None, typer.Option(help="Cycles of a run at most, as 5M.", metavar="CYCLES")
]
LabelsOption: TypeAlias = Annotated[Path | None, typer.Option(help="Classes: .npy or class folders.")]


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
