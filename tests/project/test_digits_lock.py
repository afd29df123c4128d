"""The committed digits firmware stays what it was; after a meant change, `make bless`."""

import json

import pytest

from mcuq import api
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"


@pytest.fixture
def lock():
    return DIGITS / "digits.mcuq.lock"


def test_digits_lock_refers_to_the_program_beside_it(lock):
    assert json.loads(lock.read_text("utf-8"))["program"] == "locked/digits.mcuq.npz"


def test_digits_lock_holds(lock):
    api.check(lock)
