"""One race, one kill, and what must hold after each.

Children are forked from a process that has imported everything: a moment drawn at random then falls into the
work and not into imports, which tests/cli/test_signals.py looks at.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from mcuq import api
from mcuq.cleanup import stop_on_signals
from mcuq.cli import app
from mcuq.pipeline.trust import FOLDERS
from tests.project.source import ROOT

STORED = ROOT / "firmware_examples" / "digits" / "locked" / "digits.mcuq.npz"
TARGETS = ("cortex-m4", "cortex-m0plus")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Place:
    """A folder for everything, and what builds for two targets give when nobody disturbs them.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "tmp"
        self.outputs = folder / "outputs"
        self.output = self.outputs / "out"
        self.temporary.mkdir()
        self.outputs.mkdir()
        self.whole = []
        start = time.monotonic()
        for target in TARGETS:
            pid = fork(lambda target=target: command(self, target, verify="host"))
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            self.whole.append(contents(self.output))
        # How long a build takes here.
        self.seconds = (time.monotonic() - start) / len(TARGETS)


def fork(work: Callable[[], int]) -> int:
    """Do something in a child; returns its number."""
    with warnings.catch_warnings():
        # From 3.12 on Python warns of threads in the parent; this child uses nothing that they could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def command(place: Place, target: str, verify: str) -> int:
    """A build, as the command line does it."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(place.temporary)
    sink = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(sink, descriptor)
    stop_on_signals()
    options = ("--target", target, "--name", "digits", "--output", str(place.output), "--verify", verify)
    sys.argv = ["mcuq", "build", str(STORED), *options]
    try:
        app.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def read_until(place: Place, end: Path) -> int:
    """Read the output again and again; 1 where it was ever missing or a mixture."""
    whole = [{path: files[path] for path in files if path.startswith(FOLDERS)} for files in place.whole]
    while not end.exists():
        firmware = api.open_firmware(place.output)
        if firmware.sources.changes() or firmware.sources.files not in whole:
            return 1
    return 0


def race_once(place: Place, seed: int, number: int) -> str:
    """Two builds for different targets and a reader in one folder."""
    rng = random.Random(f"race {seed} {number}")
    end = place.temporary / "end"
    reader = fork(lambda: read_until(place, end))
    builders = []
    for target in rng.sample(TARGETS, 2):
        builders.append(fork(lambda target=target: command(place, target, verify="none")))
        time.sleep(rng.uniform(0, 0.05))
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in builders]
    end.touch()
    codes.append(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
    end.unlink()
    found = wrong(place)
    if codes != [0, 0, 0]:
        found.append(f"exit codes {codes}")
    return f"WRONG, {', '.join(found)}" if found else "one build whole, the reader saw whole ones"


def kill_once(place: Place, seed: int, number: int, chosen: signal.Signals) -> str:
    """A build that a signal meets at a random moment, and one after it."""
    rng = random.Random(f"kill {seed} {number}")
    pid = fork(lambda: command(place, rng.choice(TARGETS), verify="host"))
    time.sleep(rng.uniform(0, place.seconds))
    os.kill(pid, chosen)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    found = []
    # A signal may come before the handlers are there, or when the work is done.
    if code not in (0, -chosen, 128 + chosen):
        found.append(f"exit code {code}")
    if chosen is signal.SIGKILL:
        found += [] if contents(read_place(place)) in place.whole else ["the folder is a mixture"]
        wait_for_orphans(place)
        shutil.rmtree(place.temporary)
        place.temporary.mkdir()
    else:
        found += wrong(place)
    again = fork(lambda: command(place, TARGETS[0], verify="none"))
    if os.waitstatus_to_exitcode(os.waitpid(again, 0)[1]) != 0:
        found.append("the next build fails")
    found += [f"{text} after the next build" for text in wrong(place)]
    ended = "it had ended" if code == 0 else "ended by it"
    return f"WRONG, {', '.join(found)}" if found else f"old or new whole, the next build works ({ended})"


def read_place(place: Place) -> Path:
    """Where readers find the output: between two renames of a killed build it is aside."""
    aside = place.output.with_name(".out.mcuq-old")
    return aside if aside.exists() and not place.output.exists() else place.output


def wrong(place: Place) -> list[str]:
    """What is not as it must be."""
    found = []
    if not place.output.exists() or contents(place.output) not in place.whole:
        found.append("the folder is a mixture")
    names = sorted(path.name for path in place.outputs.iterdir())
    if names != ["out"]:
        found.append(f"litter {names}")
    if any(place.temporary.iterdir()):
        found.append("temporary files are left")
    if orphans(place):
        found.append("children are left")
    return found


def orphans(place: Place) -> list[str]:
    """Processes that work in the temporary folder: compilers and what they start."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={place.temporary}/".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


def wait_for_orphans(place: Place) -> None:
    """After SIGKILL compilers end by themselves."""
    end = time.monotonic() + 60
    while orphans(place) and time.monotonic() < end:
        time.sleep(0.05)
