"""Accept changed results: write golden files and the locks of the examples again.

Look at the difference before you commit it, and write a line under **bits** in CHANGELOG.md.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mcuq import api
from mcuq.options import QuantOptions

ROOT = Path(__file__).resolve().parent.parent


def _sunspots(folder: Path) -> QuantOptions:
    initial = np.load(folder / "initial.npy").astype(np.float64).reshape(-1)
    return QuantOptions(
        state=("h:h_next",),
        state_initial={"h": tuple(initial.tolist())},
        input_ranges={"sunspots": (0.0, 250.0)},
        samples=221,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A folder of `firmware_examples` with a model, its calibration data, a stored program and a lock.

    Args:
        name: of the folder and in C.
        options: of its build, as its README says.
    """

    name: str
    options: Callable[[Path], QuantOptions]

    @property
    def folder(self) -> Path:
        """Where it is."""
        return ROOT / "firmware_examples" / self.name

    @property
    def lock(self) -> Path:
        """Its lock."""
        return self.folder / f"{self.name}.mcuq.lock"

    @property
    def program(self) -> Path:
        """The stored program that the lock refers to."""
        return self.folder / "locked" / f"{self.name}.mcuq.npz"

    def bless(self) -> None:
        """Build it and keep its stored program with a lock that refers to it."""
        with tempfile.TemporaryDirectory(prefix="mcuq-bless-") as folder:
            firmware = Path(folder) / self.program.parent.name
            api.build(
                self.folder / "model.onnx",
                "cortex-m4",
                calibration=self.folder / "calibration.npy",
                options=self.options(self.folder),
                output=firmware,
                name=self.name,
            )
            lock = api.lock(firmware, Path(folder) / self.lock.name)
            self.program.parent.mkdir(exist_ok=True)
            shutil.copy(firmware / self.program.name, self.program)
            shutil.copy(lock, self.lock)
        api.check(self.lock)


EXAMPLES = (
    Example("digits", lambda _: QuantOptions()),
    Example("gestures", lambda _: QuantOptions()),
    Example("sunspots", _sunspots),
)


def bless_golden_tests() -> None:
    """Run the tests that compare with golden files; MCUQ_BLESS=1 tells them to write the files instead."""
    tests = [str(path) for path in sorted((ROOT / "tests").rglob("test_*golden*.py"))]
    if tests:
        env = {**os.environ, "MCUQ_BLESS": "1"}
        subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, env=env, check=True)


def main() -> None:
    """Bless everything and show what changed."""
    for example in EXAMPLES:
        example.bless()
    bless_golden_tests()
    subprocess.run(["git", "status", "--short", "--", "firmware_examples", "tests"], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
