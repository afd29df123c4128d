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
_MARKS = tuple(f"<!-- {mark}: damaged TensorFlow Lite files -->" for mark in ("begin", "end"))
HEADER = """## Damaged TensorFlow Lite files

Written by `make fuzz-tflite`: files of one operator, of every kind that tests write, with a few bytes, words,
offsets or pieces of their tables changed. Each is built down to C, or refused with one of the codes, within
1 GB and 60 s."""


def section(first: int, outcomes: list[Outcome]) -> str:
    """What verification says of the cases."""
    counts = collections.Counter(outcome.status for outcome in outcomes)
    codes = sorted({code for each in outcomes if each.status == "refused" for code in each.detail.split()})
    peak = max(outcome.peak_bytes for outcome in outcomes) >> 20
    seconds = max(outcome.seconds for outcome in outcomes)
    numbers = " | ".join(f"{counts[status]:,}" for status in ("built", "refused", "failed"))
    table = "| cases | built | refused | failed | most MB | most s | codes |\n|---|---|---|---|---|---|---|\n"
    row = f"| {len(outcomes):,} | {numbers} | {peak:,} | {seconds:.1f} | {' '.join(codes)} |"
    return f"{HEADER}\n\nSeeds {first} to {first + len(outcomes) - 1}.\n\n{table}{row}"


def write_section(path: Path, text: str, marks: tuple[str, ...] = _MARKS) -> None:
    """Put it into a document, between its marks or at the end."""
    begin, end = marks
    before, _, rest = path.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    behind = after.lstrip("\n")
    path.write_text(f"{before.rstrip()}\n\n{begin}\n{text}\n{end}\n" + (behind and "\n" + behind), "utf-8")


def main() -> int:
    """Run all seeds; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/damaged_tflite"), help="where failures go")
    parser.add_argument("--output", type=Path, help="a document that the figures are put into")
    options = parser.parse_args()
    files, outcomes = sources(), []
    tflite_readers()  # loaded once, not in every child
    for seed in range(options.seed, options.seed + options.cases):
        data = damaged(files[seed % len(files)], seed)
        outcome = build_limited(data, "model.tflite")
        if outcome.peak_bytes > MOST_BYTES:
            outcome = Outcome("failed", f"{outcome.peak_bytes:_} bytes held", outcome.peak_bytes, 0)
        outcomes.append(outcome)
        if outcome.status == "failed":
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{seed}.tflite").write_bytes(data)
            print(f"seed {seed}: {outcome.detail}", flush=True)
    text = section(options.seed, outcomes)
    print(text)
    print(collections.Counter(outcome.status for outcome in outcomes))
    if options.output is not None:
        write_section(options.output, text)
    return int(any(outcome.status == "failed" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
