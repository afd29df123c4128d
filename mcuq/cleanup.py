"""Children and temporary folders of this process, removed however it ends.

Signals are heeded by a thread of their own, because the main one may be inside a library for minutes, and
because an exception that a handler raises there can be swallowed or printed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_DYING_S = 5.0
_ATTEMPTS = 50  # a child that was killed may just have made another file
_SHOW_CURSOR = "\x1b[?25h"
# Held while the lists below or the user's files change; who is told to stop takes it and never gives it back.
_gate = threading.RLock()
_children: set[subprocess.Popen[bytes]] = set()
_folders: set[str] = set()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Delay signals for the duration of a `with`, so that its body runs as a whole."""
    with _gate:
        yield


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder for the duration of a `with`, or until a signal ends the process."""
    with _gate:
        folder = tempfile.TemporaryDirectory(prefix=prefix)
        _folders.add(folder.name)
    try:
        yield Path(folder.name)
    finally:
        with _gate:
            folder.cleanup()
            _folders.discard(folder.name)


@contextlib.contextmanager
def child(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; leaving the `with` early ends the whole group."""
    with _gate:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
        _children.add(process)
    try:
        with process:
            try:
                yield process
            except BaseException:
                kill(process)
                raise
    finally:
        with _gate:
            _children.discard(process)


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stderr: int = subprocess.PIPE,
    timeout_s: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end without input, and keep what it prints.

    Args:
        command: the program and its arguments.
        cwd: where it runs.
        env: its environment.
        stderr: `subprocess.STDOUT` to have one text of both.
        timeout_s: the longest it may take.

    Raises:
        subprocess.TimeoutExpired: after that.
    """
    with child(command, cwd=cwd, env=env, stderr=stderr) as process:
        out, err = process.communicate(timeout=timeout_s)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child with its children: a compiler's driver has some."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def kill_children() -> None:
    """End all children."""
    with _gate:
        for process in _children:
            kill(process)


def _wait_for_group(process: subprocess.Popen[bytes]) -> None:
    """Wait until a killed child and its children are gone, with a time limit."""
    end = time.monotonic() + _DYING_S
    while time.monotonic() < end:
        try:
            if process.poll() is not None:
                if sys.platform == "win32":
                    return
                os.killpg(process.pid, 0)
        except OSError:
            return
        time.sleep(0.005)


def stop_on_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP end this process with 128 + signal, silently and cleanly.

    Signals that the process was started to ignore, as by `nohup`, stay ignored.
    """
    listening, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(listening,), name="signals", daemon=True).start()
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heed)


def _heed(number: int, frame: object) -> None:
    """Let the main thread go on until the end; without this handler no byte would wake the other one."""


def _wait(listening: int) -> None:
    number = os.read(listening, 1)[0]
    _gate.acquire()
    kill_children()
    for process in _children:
        _wait_for_group(process)
    for folder in _folders:
        for _ in range(_ATTEMPTS):
            shutil.rmtree(folder, ignore_errors=True)
            if not Path(folder).exists():
                break
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, f"{_SHOW_CURSOR}\n".encode())  # a progress bar hides it
    os._exit(128 + number)
