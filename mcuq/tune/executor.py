"""Where evaluations run: here, in processes of this machine, or on a cluster; the results are the same."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Protocol, TypeVar

from threadpoolctl import threadpool_limits

from mcuq.files import scratch_folder
from mcuq.tune.moves import MoveSet

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_POLL_S = 1.0


class Executor(Protocol[T_co]):
    """Evaluates candidates; a context manager that ends what it started."""

    def __enter__(self) -> Executor[T_co]:
        """Start."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        ...

    def run(self, candidates: Sequence[MoveSet]) -> Iterator[tuple[int, T_co]]:
        """Evaluate candidates, each once; yield their indices and results in the order in which they come."""
        ...


class InlineExecutor(Generic[T]):
    """One after the other, in this process.

    Args:
        evaluate: what is done with each, a function of a module.
        study: its first argument.
    """

    def __init__(self, evaluate: Callable[[Any, MoveSet], T], study: object) -> None:
        self._evaluate, self._study = evaluate, study

    def __enter__(self) -> InlineExecutor[T]:
        """Nothing is to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to end."""

    def run(self, candidates: Sequence[MoveSet]) -> Iterator[tuple[int, T]]:
        """As `Executor.run`."""
        for index, candidate in enumerate(candidates):
            yield index, self._evaluate(self._study, candidate)


class ProcessExecutor(Generic[T]):
    """Processes of this machine.

    Args:
        evaluate: what is done with each candidate, a function of a module: processes find it by its name.
        study: its first argument; it is pickled.
        workers: how many processes.
    """

    def __init__(self, evaluate: Callable[[Any, MoveSet], T], study: object, workers: int) -> None:
        self._evaluate, self._study, self._workers = evaluate, study, workers
        self._pool: ProcessPoolExecutor | None = None
        self._folder = contextlib.ExitStack()

    def __enter__(self) -> ProcessExecutor[T]:
        """Start the processes; each reads the study once."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(scratch_folder("tune"))
            path = folder / "study.pickle"
            path.write_bytes(pack(self._study)[0])
            # A forked process would share the threads and locks of libraries.
            self._pool = ProcessPoolExecutor(
                self._workers, get_context("spawn"), _start_worker, (str(path), os.getpid())
            )
            # A process may start late, or in place of one that ended: the study stays as long as the pool.
            self._folder = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the processes finish what they are at, and no more."""
        assert self._pool is not None
        with self._folder:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, candidates: Sequence[MoveSet]) -> Iterator[tuple[int, T]]:
        """As `Executor.run`."""
        assert self._pool is not None
        futures = {
            self._pool.submit(_evaluate_here, self._evaluate, candidate): index
            for index, candidate in enumerate(candidates)
        }
        for future in as_completed(futures):
            yield futures[future], future.result()


class _Worker:
    """What a process of this machine holds."""

    study: object = None


def _start_worker(path: str, parent: int) -> None:
    threadpool_limits(1)
    _Worker.study = pickle.loads(Path(path).read_bytes())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)


def _evaluate_here(evaluate: Callable[[Any, MoveSet], T], candidate: MoveSet) -> T:
    return evaluate(_Worker.study, candidate)


# Studies that a worker of a cluster has unpacked, by hash: the last one.
_unpacked: dict[str, object] = {}


def evaluate_packed(
    evaluate: Callable[[Any, MoveSet], T], packed: bytes, digest: str, candidate: MoveSet
) -> T:
    """Evaluate on a worker of a cluster.

    Args:
        evaluate: what is done.
        packed: the study, pickled.
        digest: of these bytes.
        candidate: what is evaluated.
    """
    if digest not in _unpacked:
        _unpacked.clear()
        _unpacked[digest] = pickle.loads(packed)
    return evaluate(_unpacked[digest], candidate)


class _Pickler(pickle.Pickler):
    """Packs read-only mappings too."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - pickle's
        """How a value is made again."""
        if isinstance(value, MappingProxyType):
            return _read_only, (dict(value),)
        return NotImplemented


def _read_only(values: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(values)


def pack(study: object) -> tuple[bytes, str]:
    """A study as bytes, and their hash."""
    stream = io.BytesIO()
    _Pickler(stream).dump(study)
    packed = stream.getvalue()
    return packed, hashlib.sha256(packed).hexdigest()
