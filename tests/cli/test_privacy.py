"""Nobody is told what is built: nothing stays in the user's folders, and no socket is opened."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import require

SOURCE = Path(__file__).with_name("network_calls.c")
# What a library may ask for a place of its own.
PLACES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR")


@pytest.fixture
def watched(tmp_path):
    """An environment whose folders are empty and whose network calls are noted, and where they are."""
    if sys.platform != "linux":
        pytest.skip("calls of other systems are not watched: this needs Linux's LD_PRELOAD")
    require("cc")
    library = tmp_path / "network_calls.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    users = tmp_path / "user"
    for place in PLACES:
        (users / place).mkdir(parents=True)
    env = {name: text for name, text in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    env |= {place: str(users / place) for place in PLACES}
    env |= {"LD_PRELOAD": str(library), "NETWORK_CALLS": str(users / "network calls")}
    return env, users


def left(users):
    return sorted(path.relative_to(users).as_posix() for path in users.rglob("*") if path.name not in PLACES)


def test_watcher_notes_sockets_and_lookups(watched):
    env, users = watched
    code = "import socket; socket.socket().close(); socket.getaddrinfo('127.0.0.1', 80)"
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert left(users) == ["network calls"]
    assert (users / "network calls").read_text().split() == ["socket", "getaddrinfo"]


@pytest.mark.slow
def test_build_and_evaluation_leave_nothing_and_call_nobody(watched, digits, tmp_path):
    env, users = watched
    build = (
        "build",
        digits.model,
        "--target",
        "host",
        "--calibration",
        digits.calibration,
        "--name",
        "digits",
    )
    evaluate = ("evaluate", "digits_mcuq", "--model", digits.model, "--inputs", digits.images)
    for arguments in (build, evaluate):
        command = [sys.executable, "-m", "mcuq", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert left(users) == []


def test_telemetry_is_off_before_onnxruntime_is_loaded(watched):
    env, users = watched
    code = "from mcuq.calibrate.runtime import ort; import os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert left(users) == []
