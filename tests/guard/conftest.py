"""Firmware called kws, and its lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.pipeline.build import build
from mcuq.pipeline.lock import write_lock
from tests.conftest import EXAMPLE


@pytest.fixture(scope="session")
def kws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A firmware folder with its lock beside it; nobody changes them."""
    folder = tmp_path_factory.mktemp("kws") / "kws"
    stored = EXAMPLE / "locked" / "digits.mcuq.npz"
    build(stored, "cortex-m4", output=folder, name="kws", verify="none")
    write_lock(folder, None)
    return folder
