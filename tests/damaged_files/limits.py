"""Many cases in one process, each under limits of memory and time; a process that dies costs one case."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import numpy as np

from mcuq.errors import Exit, McuqError
from tests.damaged_files.readers import READERS

# What a refused file may cost at most. Time is the processor's: the machine may be busy with something else.
MEMORY_BYTES = 1 << 30
SECONDS = 5
_WAIT_SECONDS = 120  # of nothing at all, as before a pipe


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Args:
        status: "read", "refused" or "failed".
        detail: the codes of a refusal, or what happened.
        peak_bytes: the most memory the process held, beyond what it held before.
        seconds: of the processor.
    """

    status: str
    detail: str
    peak_bytes: int
    seconds: float


class TooLong(BaseException):
    """The case took longer than it may; not an `Exception`, so that nobody catches it."""


def run_cases(reader: str, seeds: range) -> Iterator[tuple[int, Outcome]]:
    """The outcomes of some seeds of a reader.

    Forks: call it from a process without threads of its own.
    """
    following = seeds.start
    while following < seeds.stop:
        receiver, sender = Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            receiver.close()
            _run(reader, range(following, seeds.stop), sender)
        sender.close()
        try:
            while True:
                seed, outcome = receiver.recv()
                yield seed, outcome
                following = seed + 1
        except EOFError:
            pass
        _, code = os.waitpid(child, 0)
        if following < seeds.stop:
            yield following, Outcome("failed", f"the process died with {code}", 0, 0.0)
            following += 1


def _run(reader: str, seeds: range, sender: Connection) -> None:
    """The child: never returns."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # What goes far beyond the limit must not harm the machine.
    resource.setrlimit(resource.RLIMIT_AS, (mapped + 4 * MEMORY_BYTES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGVTALRM, _stop)
    signal.signal(signal.SIGALRM, _stop)
    root = Path(tempfile.mkdtemp(prefix="mcuq-damaged-"))
    try:
        for seed in seeds:
            sender.send((seed, run_case(reader, seed, root / "case")))
    finally:
        shutil.rmtree(root, ignore_errors=True)
        sender.close()
        os._exit(0)


def _stop(signal_number: int, _: object) -> None:
    raise TooLong(f"longer than {SECONDS if signal_number == signal.SIGVTALRM else _WAIT_SECONDS} s")


def damage(reader: str, seed: int, folder: Path) -> None:
    """Write the damaged files of a case into an empty folder."""
    READERS[reader].damage(folder, np.random.default_rng([seed, sorted(READERS).index(reader)]))


def run_case(reader: str, seed: int, folder: Path) -> Outcome:
    """One case, in this process."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    damage(reader, seed, folder)
    before = _memory("VmRSS")
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    signal.alarm(_WAIT_SECONDS)
    try:
        status, detail = _outcome(reader, folder)
    except TooLong as error:
        status, detail = "failed", str(error)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.alarm(0)
    seconds, peak = time.process_time() - start, max(_memory("VmHWM") - before, 0)
    if status == "refused" and (peak > MEMORY_BYTES or seconds > SECONDS):
        status, detail = "failed", f"{peak:,} bytes and {seconds:.1f} s for {detail}"
    return Outcome(status, detail, peak, seconds)


def _outcome(reader: str, folder: Path) -> tuple[str, str]:
    try:
        READERS[reader].read(folder)
    except McuqError as error:
        codes = sorted({problem.code for problem in error.problems})
        if error.exit_code is Exit.INTERNAL:
            return "failed", str(error)[:1500]
        return "refused", " ".join(codes)
    except TooLong:
        raise
    except BaseException:
        return "failed", traceback.format_exc(limit=-6)
    return "read", ""


def _memory(field: str) -> int:
    """A line of the process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    raise AssertionError(field)
