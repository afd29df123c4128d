"""A folder to run commands in."""

from pathlib import Path

import pytest


@pytest.fixture
def place(firmware: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the digits firmware in it."""
    monkeypatch.chdir(firmware.parent)
    return firmware.parent
