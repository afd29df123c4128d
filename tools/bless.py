"""Accept changed results: write golden files and the lock of the digits example again.

Look at the difference before you commit it, and write a line under **bits** in CHANGELOG.md.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mcuq import api

ROOT = Path(__file__).resolve().parent.parent
DIGITS = ROOT / "firmware_examples" / "digits"
LOCK = DIGITS / "digits.mcuq.lock"
PROGRAM = DIGITS / "locked" / "digits.mcuq.npz"


def bless_digits() -> None:
    """Build the digits example and keep its stored program with a lock that refers to it."""
    with tempfile.TemporaryDirectory(prefix="mcuq-bless-") as folder:
        firmware = Path(folder) / PROGRAM.parent.name
        api.build(
            DIGITS / "model.onnx",
            "cortex-m4",
            calibration=DIGITS / "calibration.npy",
            output=firmware,
            name="digits",
        )
        lock = api.lock(firmware, Path(folder) / LOCK.name)
        PROGRAM.parent.mkdir(exist_ok=True)
        shutil.copy(firmware / PROGRAM.name, PROGRAM)
        shutil.copy(lock, LOCK)
    api.check(LOCK)


def bless_golden_tests() -> None:
    """Run the tests that compare with golden files; MCUQ_BLESS=1 tells them to write the files instead."""
    tests = [str(path) for path in sorted((ROOT / "tests").rglob("test_*golden*.py"))]
    if tests:
        env = {**os.environ, "MCUQ_BLESS": "1"}
        subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], cwd=ROOT, env=env, check=True)


def main() -> None:
    """Bless everything and show what changed."""
    bless_digits()
    bless_golden_tests()
    subprocess.run(["git", "status", "--short", "--", "firmware_examples", "tests"], cwd=ROOT, check=False)


if __name__ == "__main__":
    main()
