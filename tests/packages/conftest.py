"""Two built models, one with state, and their packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.pipeline.build import build
from tests.conftest import EXAMPLE


@pytest.fixture(scope="session")
def two_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Firmware of the digits and the sunspots example for a Cortex-M4; nobody changes it."""
    found = {}
    for name in ("digits", "sunspots"):
        found[name] = tmp_path_factory.mktemp("two") / name
        stored = EXAMPLE.parent / name / "locked" / f"{name}.mcuq.npz"
        build(stored, "cortex-m4", output=found[name], name=name, verify="none")
    return found
