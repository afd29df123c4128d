"""One build in a process of its own, with limits of memory and time."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import tempfile
import time
import traceback
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from mcuq.errors import McuqError
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build

# What a build of an absurd model may take, beside what Python and its packages have mapped.
MEMORY_BYTES = 3 << 30
SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a build ended.

    Args:
        status: "built", "refused" or "failed".
        detail: the codes of a refusal, or what happened.
        peak_bytes: the most memory it held.
        seconds: how long it took.
    """

    status: str
    detail: str
    peak_bytes: int
    seconds: float


def build_limited(model: bytes, name: str = "model.onnx") -> Outcome:
    """Build a model that may be hostile, under that name.

    Forks: call it from a process without threads.
    """
    start = time.monotonic()
    receiver, sender = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        receiver.close()
        _run(model, name, sender)
    sender.close()
    try:
        status, detail = receiver.recv()
    except EOFError:
        status, detail = "failed", "the process died"
    _, code, usage = os.wait4(child, 0)
    seconds = time.monotonic() - start
    if os.WIFSIGNALED(code):
        status, detail = "failed", f"signal {signal.Signals(os.WTERMSIG(code)).name} after {seconds:.0f} s"
    return Outcome(status, detail, usage.ru_maxrss << 10, seconds)


def _run(model: bytes, name: str, sender: Connection) -> None:
    """The child: never returns."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)
    sender.send(_outcome(model, name))
    sender.close()
    os._exit(0)


def _outcome(model: bytes, name: str) -> tuple[str, str]:
    with tempfile.TemporaryDirectory(prefix="mcuq-damaged-") as folder:
        path = Path(folder) / name
        path.write_bytes(model)
        options = QuantOptions(samples=2)
        try:
            build(path, "cortex-m4", output=Path(folder) / "out", verify="none", options=options)
        except McuqError as error:
            codes = sorted({problem.code for problem in error.problems})
            is_internal = any(code.startswith("I") for code in codes)
            shown = str(error)[:1500] if is_internal else " ".join(codes)
            return "failed" if is_internal else "refused", shown
        except BaseException:
            return "failed", traceback.format_exc(limit=-6)
    return "built", ""
