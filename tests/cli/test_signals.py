"""A command that is told to stop, or whose output nobody takes: nothing is left, and no word too much."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.runner import Result, refused
from tests.project.source import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# A compiler that takes its time over an assembler file.
SLOW_CC = """#!/bin/sh
case "$*" in *--version*) echo "cc 1"; exit 0;; esac
echo assembler > "$TMPDIR/cc.s"
echo $$ >> "$STARTED"
sleep 600
"""
IMPORTING = """
import sys, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "mcuq.cli.app":
            print("importing", flush=True)
            time.sleep(600)
sys.meta_path.insert(0, Slow())
from mcuq.__main__ import main
main()
"""
IN_A_LIBRARY = """
import ctypes, os
from mcuq.cleanup import stop_on_signals, temporary_folder
stop_on_signals()
with temporary_folder("mcuq-test-"):
    print("importing", flush=True)
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(mutex)  # the second one waits for ever, signals or not
"""
IGNORING = """
import os, signal, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from mcuq.cleanup import stop_on_signals
stop_on_signals()
os.kill(os.getpid(), signal.SIGHUP)
time.sleep(0.2)
print("alive")
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8") if sys.platform == "linux" else "R"
        os.kill(pid, 0)
    except (OSError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"  # dead, and nobody asked for its exit code


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def env(tmp_path):
    (tmp_path / "tmp").mkdir()
    return {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(ROOT)}


def heed_signals():
    """Where the tests run behind `nohup` or in the background, signals are ignored, and so they stay."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(*command, **options):
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
        **options,
    )


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_ends_compilers_and_removes_what_they_wrote(place, env, tmp_path, number):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cc").write_text(SLOW_CC, "utf-8")
    (tmp_path / "bin" / "cc").chmod(0o755)
    started = tmp_path / "started"
    env |= {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{env['PATH']}", "STARTED": str(started)}
    before = {path: path.read_bytes() for path in place.joinpath("digits_mcuq").rglob("*") if path.is_file()}
    stored = "digits_mcuq/digits.mcuq.npz"
    build = ("build", stored, "--target", "cortex-m4", "--name", "digits", "--output", "digits_mcuq")
    with start("-m", "mcuq", *build, cwd=place, env=env) as process:
        wait_for(lambda: started.exists() and started.read_text().endswith("\n"))
        compilers = [int(pid) for pid in started.read_text().split()]
        assert list((tmp_path / "tmp").rglob("cc.s"))
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 128 + number
    wait_for(lambda: not any(map(is_running, compilers)))
    assert list((tmp_path / "tmp").iterdir()) == []
    after = {path: path.read_bytes() for path in place.joinpath("digits_mcuq").rglob("*") if path.is_file()}
    assert before == after
    assert [path.name for path in place.iterdir() if "mcuq-" in path.name] == []


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("code", [IMPORTING, IN_A_LIBRARY], ids=["importing", "in a library"])
def test_signal_ends_at_once_and_silently(env, tmp_path, code, number):
    if code is IN_A_LIBRARY and sys.platform != "linux":
        pytest.skip("a mutex of zeros is Linux's")
    with start("-c", code, "ops", env=env) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 128 + number
    assert list((tmp_path / "tmp").iterdir()) == []


def test_signals_that_were_ignored_stay_ignored(env):
    with start("-c", IGNORING, env=env) as process:
        assert process.communicate(timeout=60) == ("alive\n", "")
    assert process.returncode == 0


def closed_early(cwd, *arguments):
    """A command into a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mcuq", *arguments]
    done = subprocess.run(command, cwd=cwd, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    return Result(done.returncode, "", done.stderr)


BUILD = ("build", "digits_mcuq/digits.mcuq.npz", "--target", "host", "--verify", "none", "--output", "new")


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_pipe_that_is_closed_early_does_not_fail_the_build(place, json_option):
    assert Result(0, "", "") == closed_early(place, *BUILD, *json_option)
    assert json.loads((place / "new" / "digits.mcuq.json").read_text("utf-8"))["name"] == "digits"


@pytest.mark.parametrize("arguments", [("ops",), ("targets", "--json"), ("--help",), ("--version",)])
def test_pipe_that_is_closed_early_fails_no_listing(place, arguments):
    assert Result(0, "", "") == closed_early(place, *arguments)


def test_refusal_keeps_its_exit_code_without_a_reader(place):
    refused(closed_early(place, "verify", "nothing"), 2, "O011")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [BUILD, (*BUILD, "--json"), ("ops",)])
def test_full_output_is_told(place, arguments):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mcuq", *arguments]
        done = subprocess.run(command, cwd=place, stdout=full, stderr=subprocess.PIPE, text=True)
    refused(Result(done.returncode, "", done.stderr), 2, "O012")
    assert (place / "new" / "digits.mcuq.json").exists() == ("build" in arguments)


def test_command_without_standard_streams_works(place):
    command = f'exec "{sys.executable}" -m mcuq {" ".join(BUILD)} <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command], cwd=place).returncode == 0
    assert (place / "new" / "digits.mcuq.json").exists()
