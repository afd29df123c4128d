"""The option of the commands that compile and run what they are given."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Trust: TypeAlias = Annotated[
    bool, typer.Option("--trust", help="Compile and run C that differs from the manifest's checksums.")
]
