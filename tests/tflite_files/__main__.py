"""`python -m tests.tflite_files --cases 1500`: builds of damaged files under limits, keeps what fails."""

from __future__ import annotations

import argparse
import collections
import sys
from pathlib import Path

from mcuq.ops.tflite.registry import tflite_readers
from tests.damaged_models.limits import Outcome, build_limited
from tests.tflite_files.damage import damaged, sources

MOST_BYTES = 1 << 30


def main() -> int:
    """Run all seeds; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/damaged_tflite"), help="where failures go")
    options = parser.parse_args()
    files, outcomes = sources(), collections.Counter()
    tflite_readers()  # loaded once, not in every child
    is_failed = False
    for seed in range(options.seed, options.seed + options.cases):
        data = damaged(files[seed % len(files)], seed)
        outcome = build_limited(data, "model.tflite")
        if outcome.peak_bytes > MOST_BYTES:
            outcome = Outcome("failed", f"{outcome.peak_bytes:_} bytes held", 0, 0)
        outcomes[outcome.status, outcome.detail if outcome.status == "refused" else ""] += 1
        if outcome.status == "failed":
            is_failed = True
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{seed}.tflite").write_bytes(data)
            print(f"seed {seed}: {outcome.detail}", flush=True)
    print(outcomes)
    return int(is_failed)


if __name__ == "__main__":
    sys.exit(main())
