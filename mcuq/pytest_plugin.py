"""The pytest plugin: a fixture that holds firmware to its lock and to its simulator, and `--mcuq-update`.

pytest loads it wherever mcuq is installed, so it imports mcuq itself only when the fixture is used.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mcuq.ir.types import Array
    from mcuq.verify.firmware import Where
    from mcuq.verify.report import VerifyReport


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--mcuq-update`."""
    parser.getgroup("mcuq").addoption(
        "--mcuq-update",
        action="store_true",
        help="write the locks of firmware again that tests check, instead of failing where something moved",
    )


@pytest.fixture(name="mcuq", scope="session")
def mcuq_guard(request: pytest.FixtureRequest) -> FirmwareGuard:
    """Checks of firmware for tests: `mcuq.check(lock)` and `mcuq.verify(folder)`."""
    return FirmwareGuard(request.config.rootpath, bool(request.config.getoption("--mcuq-update")))


@dataclasses.dataclass(frozen=True, slots=True)
class FirmwareGuard:
    """What the fixture `mcuq` is.

    Args:
        root: what relative paths are relative to: pytest's root folder.
        is_updating: whether locks are written again.
    """

    root: Path
    is_updating: bool

    def check(self, path: str | Path, trust: bool = False) -> None:
        """Fail where a build from the stored program is not what was locked, or write the lock again.

        Args:
            path: a lock, or a firmware folder, whose lock lies beside it.
            trust: compile and run C that differs from the manifest's checksums.
        """
        from mcuq.pipeline.lock import check_lock, renew_lock, write_lock

        place = self.root / path
        with _told():
            lock = _lock_of(place) if place.is_dir() else place
            if not self.is_updating:
                check_lock(lock, trust)
            elif place.is_dir():
                write_lock(place, lock, trust)
            else:
                renew_lock(lock, trust)

    def verify(
        self,
        directory: str | Path,
        on: Where = "host",
        samples: int = 32,
        inputs: Mapping[str, Array] | None = None,
        trust: bool = False,
    ) -> VerifyReport:
        """Fail where any value of any layer of the firmware is not the simulator's.

        Args:
            directory: the firmware folder.
            on: the host, the core on Unicorn, or on QEMU.
            samples: random ones where there are no inputs; the extremes are always added.
            inputs: real values `[n, *model shape]` by input name.
            trust: as for `check`.
        """
        from mcuq import api

        with _told():
            report = api.verify(self.root / directory, on, samples, inputs, trust)
            if report.first_difference is not None:
                pytest.fail(str(report.first_difference.problem(report.machine)), pytrace=False)
        return report


def _lock_of(directory: Path) -> Path:
    from mcuq.pipeline.firmware import open_firmware
    from mcuq.pipeline.lock import LOCK_SUFFIX

    return directory.parent / f"{open_firmware(directory).name}{LOCK_SUFFIX}"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Refusals become failures of the test: their four lines, without a traceback."""
    from mcuq.errors import McuqError

    try:
        yield
    except McuqError as error:
        text = f"{error}\n(pytest --mcuq-update writes locks again)"
        raise pytest.fail.Exception(text, pytrace=False) from None
