"""The options of the commands that compile and run what they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Trust: TypeAlias = Annotated[
    bool, typer.Option("--trust", help="Compile and run C that differs from the manifest's checksums.")
]
CmsisNN: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cmsis-nn",
        metavar="FOLDER",
        help="Where CMSIS-NN is, with Include and Source, for firmware that calls it; by default where the "
        "variable MCUQ_CMSIS_NN says.",
    ),
]
