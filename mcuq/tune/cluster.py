"""Evaluations on a Dask cluster, of which any worker may be lost at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

import mcuq
from mcuq.errors import McuqError, fail
from mcuq.resources import code_sha256
from mcuq.tune.executor import evaluate_packed, pack
from mcuq.tune.moves import MoveSet

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
_CONNECT_S = 30
# So often a candidate is handed out again after the workers that had it were lost.
_RETRIES = 5


class ClusterExecutor(Generic[T]):
    """Workers of a Dask cluster.

    Args:
        evaluate: what is done with each candidate, a function of a module.
        study: its first argument; it is pickled.
        address: of the scheduler, as `tcp://10.0.0.1:8786`.
    """

    def __init__(self, evaluate: Callable[[Any, MoveSet], T], study: object, address: str) -> None:
        self._evaluate, self._address = evaluate, address
        self._packed, self._digest = pack(study)
        self._client: Client | None = None
        self._sent: Future | None = None

    def __enter__(self) -> ClusterExecutor[T]:
        """Connect, and look whether all workers would compute the same.

        Raises:
            McuqError: T002 without distributed, O021.
        """
        try:
            from distributed import Client
        except ImportError:
            raise fail(
                "T002",
                "a tool that the request needs is not installed",
                where="--scheduler",
                why="a cluster is reached with distributed",
                fix='pip install "mcuq[dask]"',
            ) from None
        try:
            self._client = Client(self._address, timeout=_CONNECT_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise self._refused(" ".join(str(error).split()), "name the address of a scheduler") from error
        try:
            self._check_workers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect; what workers are at is dropped."""
        assert self._client is not None
        self._client.close()

    def run(self, candidates: Sequence[MoveSet]) -> Iterator[tuple[int, T]]:
        """As `Executor.run`; a candidate whose worker is lost goes to another one.

        Raises:
            McuqError: O021 where workers are lost again and again.
        """
        from distributed import as_completed

        left = dict(enumerate(candidates))
        for _ in range(_RETRIES):
            futures = {self._submit(candidate): index for index, candidate in left.items()}
            for future in as_completed(list(futures)):
                if future.status == "finished":
                    answer: T = future.result()
                    del left[futures[future]]
                    yield futures[future], answer
                elif future.status == "error" and not _is_loss(future.exception()):
                    raise self._refused(str(future.exception()), "look at the worker's log") from None
            if not left:
                return
            # The study may be lost with the worker that had it.
            self._sent = None
        raise self._refused(f"{_RETRIES} times workers were lost", "look at their logs: memory may be short")

    def _submit(self, candidate: MoveSet) -> Future:
        assert self._client is not None
        if self._sent is None:
            self._sent = self._client.scatter(self._packed, broadcast=True, hash=False)
        return self._client.submit(
            evaluate_packed, self._evaluate, self._sent, self._digest, candidate, pure=False
        )

    def _check_workers(self) -> None:
        assert self._client is not None
        try:
            self._client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise self._refused("it has no worker", "start one: dask worker ADDRESS") from error
        own = worker_versions()
        for worker, found in self._client.run(worker_versions).items():
            if found != own:
                why = f"worker {worker} has {found}, here is {own}: results could differ"
                raise self._refused(why, "install the same versions everywhere")

    def _refused(self, why: str, fix: str) -> McuqError:
        where = f"--scheduler {self._address}"
        return fail("O021", "the cluster cannot evaluate builds", where=where, why=why, fix=fix)


def _is_loss(error: Any) -> bool:  # noqa: ANN401 - an exception of a worker, or none
    """Whether a worker was lost, and not the evaluation."""
    from distributed.scheduler import KilledWorker, NoValidWorkerError

    return isinstance(error, KilledWorker | NoValidWorkerError) or "Cancelled" in type(error).__name__


def worker_versions() -> dict[str, str]:
    """What decides whether two machines compute the same."""
    return {"mcuq": f"{mcuq.__version__} {code_sha256()[:12]}", "numpy": np.__version__}
