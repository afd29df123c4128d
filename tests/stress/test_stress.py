"""A sample of `make stress`."""

import os
import sys

import pytest

from tests.stress.stress import SIGNALS, Place, contents, kill_once, orphans, race_once, wrong
from tests.tools import require

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it forks, and looks for processes in /proc"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    require("cc")
    return Place(tmp_path_factory.mktemp("stress"))


def test_races_leave_one_build_whole(place):
    outcomes = {race_once(place, 0, number) for number in range(5)}
    assert outcomes == {"one build whole, the reader saw whole ones"}


def test_killed_builds_leave_old_or_new(place):
    outcomes = [kill_once(place, 0, number, SIGNALS[number % 3]) for number in range(6)]
    assert [outcome for outcome in outcomes if "WRONG" in outcome] == []


def test_stress_notices_mixtures_litter_and_leftovers(place):
    assert wrong(place) == []
    whole = contents(place.output)
    (place.output / "src" / "digits.c").write_bytes(b"another")
    (place.outputs / ".out.mcuq-new").mkdir()
    (place.temporary / "cc.s").touch()
    found = wrong(place)
    assert "the folder is a mixture" in found
    assert "litter ['.out.mcuq-new', 'out']" in found
    assert "temporary files are left" in found
    (place.output / "src" / "digits.c").write_bytes(whole["src/digits.c"])
    (place.outputs / ".out.mcuq-new").rmdir()
    (place.temporary / "cc.s").unlink()
    assert wrong(place) == []
    assert str(os.getpid()) not in orphans(place)
