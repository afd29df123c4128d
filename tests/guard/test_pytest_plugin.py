"""The fixture and `--mcuq-update`, in repositories with right and wrong firmware."""

import json
import re
import shutil

import pytest

from tests.guard.projects import environment, pytest_outcomes, repository

pytestmark = pytest.mark.slow
TESTS = """
import pytest

def test_lock(mcuq):
    mcuq.check("firmware/kws.mcuq.lock")

def test_folder_without_lock(mcuq):
    mcuq.check("fresh/kws")

def test_moved(mcuq):
    mcuq.check("firmware/moved.mcuq.lock")

def test_edited(mcuq):
    mcuq.check("edited/kws.mcuq.lock")

def test_wrong(mcuq):
    mcuq.check("edited/kws.mcuq.lock", trust=True)

def test_exact(mcuq):
    assert mcuq.verify("firmware/kws", samples=2).is_identical

def test_inexact(mcuq):
    mcuq.verify("edited/kws", samples=2, trust=True)
"""


@pytest.fixture
def place(tmp_path, kws):
    """Firmware that is right, that has no lock, whose lock is of something else, and whose C was edited."""
    place = repository(tmp_path, kws)
    (place / "tests" / "test_firmware.py").write_text(TESTS)
    lock = kws.parent / "kws.mcuq.lock"
    shutil.copy(lock, place / "firmware")
    shutil.copytree(kws, place / "fresh" / "kws")
    moved = json.loads(lock.read_text())
    moved["sizes"]["arena_bytes"] += 8
    moved["steps"][2]["outputs"]["vector 0"] = "0" * 16
    (place / "firmware" / "moved.mcuq.lock").write_text(json.dumps(moved))
    shutil.copytree(kws, place / "edited" / "kws")
    shutil.copy(lock, place / "edited")
    calls = place / "edited" / "kws" / "src" / "kws.c"
    text = calls.read_text()
    calls.write_text(text.replace(".in_c = 48,", ".in_c = 47,"))
    assert calls.read_text() != text
    return place


def test_plugin_fails_for_what_moved_and_update_writes_locks_again(place, kws, tmp_path):
    env = environment(tmp_path / "bin")
    lock = (kws.parent / "kws.mcuq.lock").read_bytes()
    outcomes, text = pytest_outcomes(place, env)
    right = {"test_lock", "test_exact"}
    everything = set(re.findall(r"def (\w+)", TESTS))
    assert {name: "PASSED" if name in right else "FAILED" for name in everything} == outcomes, text
    codes = ("error[V001]", "error[V002]", "error[V004]", "error[O012]")
    for expected in (*codes, "arena_bytes", "pointwise/conv"):
        assert expected in text
    assert "Traceback" not in text
    assert "another exception" not in text

    outcomes, text = pytest_outcomes(place, env, "--mcuq-update")
    right |= {"test_moved", "test_folder_without_lock"}
    assert {name: "PASSED" if name in right else "FAILED" for name in everything} == outcomes, text
    # Renewed to what it was made of, and kept where the C is not what it should be.
    renewed = json.loads((place / "firmware" / "moved.mcuq.lock").read_text())
    assert renewed == json.loads(lock)
    assert (place / "edited" / "kws.mcuq.lock").read_bytes() == lock
    assert (place / "fresh" / "kws.mcuq.lock").read_bytes() == lock


def test_plugin_imports_nothing_until_it_is_used(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_firmware.py").write_text(
        "import sys\n\ndef test_light():\n    assert not {'numpy', 'onnx', 'mcuq.api'} & set(sys.modules)\n"
    )
    outcomes, text = pytest_outcomes(tmp_path, environment(tmp_path / "bin"))
    assert outcomes == {"test_light": "PASSED"}, text


def test_update_writes_no_lock_that_did_not_move(kws, tmp_path):
    from mcuq.pipeline.lock import renew_lock

    shutil.copytree(kws, tmp_path / "kws")
    lock = tmp_path / "kws.mcuq.lock"
    shutil.copy(kws.parent / "kws.mcuq.lock", lock)
    before = lock.stat().st_mtime_ns
    assert not renew_lock(lock)
    assert lock.stat().st_mtime_ns == before
