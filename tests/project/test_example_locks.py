"""The committed firmware of the examples stays what it was; after a meant change, `make bless`."""

import json

import pytest

from mcuq import api
from tests.project.source import ROOT

FOLDERS = sorted(path.parent for path in (ROOT / "firmware_examples").glob("*/train.py"))
PARAMS = [pytest.param(folder / f"{folder.name}.mcuq.lock", id=folder.name) for folder in FOLDERS]


def test_every_example_has_a_lock():
    assert [folder.name for folder in FOLDERS] == ["digits", "gestures", "sunspots"]


@pytest.mark.parametrize("lock", PARAMS)
def test_lock_refers_to_the_program_beside_it(lock):
    name = lock.parent.name
    assert json.loads(lock.read_text("utf-8"))["program"] == f"locked/{name}.mcuq.npz"


@pytest.mark.parametrize("lock", PARAMS)
def test_lock_holds(lock):
    api.check(lock)
