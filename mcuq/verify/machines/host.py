"""Running host programs."""

from __future__ import annotations

import os
import re
import subprocess
import time

from mcuq.cleanup import run as run_child
from mcuq.files import scratch_folder
from mcuq.verify.image import Image
from mcuq.verify.machines.common import INPUT_FILE, OUTPUT_FILE, Run, crash, timed_out

_SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|panic: ")
_REPORT_LINES = 20


def run(image: Image, stdin_bytes: bytes, timeout_s: float) -> Run:
    """Run a program in a process of its own; see `mcuq.verify.machines.run_image`."""
    with scratch_folder("run") as folder:
        source, sink = folder / INPUT_FILE, folder / OUTPUT_FILE
        source.write_bytes(stdin_bytes)
        environment = dict(os.environ, MCUQ_IO_INPUT=str(source), MCUQ_IO_OUTPUT=str(sink))
        # The reports name functions and lines; leaks cannot occur, and looking for them needs ptrace.
        environment.update(ASAN_OPTIONS="detect_leaks=0", UBSAN_OPTIONS="print_stacktrace=1")
        start = time.perf_counter()
        try:
            done = run_child(
                [str(image.path.resolve())],
                cwd=folder,
                env=environment,
                timeout_s=timeout_s,
            )
        except subprocess.TimeoutExpired:
            raise timed_out(image, "the host", timeout_s) from None
        seconds = time.perf_counter() - start
        report = done.stderr.decode("utf-8", "replace")
        if done.returncode < 0 or done.returncode > 255 or _SANITIZER.search(report):
            raise crash(image, "the host", _reason(done.returncode, report))
        return Run(done.returncode, sink.read_bytes() if sink.exists() else b"", seconds)


def _reason(code: int, report: str) -> str:
    lines = [line for line in report.splitlines() if line.strip("= ")]
    how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return "\n    ".join([how, *lines[:_REPORT_LINES]])
