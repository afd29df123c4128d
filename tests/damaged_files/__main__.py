"""`python -m tests.damaged_files --cases 10000 --seed 0`: cases for every reader, and how they ended."""

from __future__ import annotations

import argparse
import collections
import functools
import math
import secrets
import sys
import time
from multiprocessing import Pool
from pathlib import Path

from tests.damaged_files.limits import Outcome, damage, run_cases
from tests.damaged_files.readers import READERS

_PART = 250


def run_part(first: int, part: tuple[str, int, int]) -> tuple[str, list[tuple[int, Outcome]]]:
    """The outcomes of some cases of a reader."""
    reader, start, stop = part
    return reader, list(run_cases(reader, range(first + start, first + stop)))


def row(reader: str, outcomes: dict[int, Outcome]) -> str:
    """A line of the table."""
    counts = collections.Counter(outcome.status for outcome in outcomes.values())
    codes = {code for each in outcomes.values() if each.status == "refused" for code in each.detail.split()}
    peak = max(outcome.peak_bytes for outcome in outcomes.values()) >> 20
    seconds = max(outcome.seconds for outcome in outcomes.values())
    numbers = " | ".join(f"{counts[status]:,}" for status in ("read", "refused", "failed"))
    return (
        f"| {reader} | {len(outcomes):,} | {numbers} | {peak:,} | {seconds:.1f} | {' '.join(sorted(codes))} |"
    )


HEADER = """## Damaged files

Written by `make fuzz-files`: files of every kind that the tool reads, damaged in bytes, values, sizes and
names, or replaced by pipes, devices, folders and files of gigabytes. Each is read, or refused with one of the
codes, within 1 GB and 5 s of the processor. The columns give the most that any file took, read or refused; an
accepted file is used, up to the program.
"""


def write_section(path: Path, lines: list[str]) -> None:
    """Put the table into a document, between its marks or at the end."""
    begin, end = (f"<!-- {mark}: damaged files -->" for mark in ("begin", "end"))
    text = path.read_text("utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    section = "\n".join([begin, HEADER, *lines, end])
    path.write_text(f"{before.rstrip()}\n\n{section}\n{after.lstrip(chr(10))}", "utf-8")


def main() -> int:
    """Run all cases; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="of every reader")
    parser.add_argument("--seed", type=int, help="the first one; random if not given")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, help="stop about then, with fewer cases")
    parser.add_argument("--reader", choices=list(READERS), help="this one only")
    parser.add_argument("--keep", type=Path, default=Path("build/damaged_files"), help="where failures go")
    parser.add_argument("--output", type=Path, help="a document that the table is put into")
    options = parser.parse_args()
    first = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    print(f"seeds {first} to {first + options.cases - 1}")
    readers = [options.reader] if options.reader else list(READERS)
    # All readers in turn, so that a run that is cut short has cases of each.
    parts = [
        (each, at, min(at + _PART, options.cases))
        for at in range(0, options.cases, _PART)
        for each in readers
    ]
    end = math.inf if options.seconds is None else time.monotonic() + options.seconds
    found: dict[str, dict[int, Outcome]] = {reader: {} for reader in readers}
    with Pool(options.workers) as pool:
        for reader, outcomes in pool.imap_unordered(functools.partial(run_part, first), parts):
            found[reader].update(outcomes)
            for seed, outcome in outcomes:
                if outcome.status == "failed":
                    folder = options.keep / f"{reader.replace(' ', '_')}_{seed}"
                    if not folder.exists():
                        folder.mkdir(parents=True)
                        damage(reader, seed, folder)
                    print(f"{reader}, seed {seed}: {outcome.detail}", flush=True)
            if len(found[reader]) == options.cases:
                print(row(reader, found[reader]), flush=True)
            if time.monotonic() > end and all(found.values()):
                break
    table = ["| reader | cases | read | refused | failed | most MB | most s | codes |"]
    table += ["|---|---|---|---|---|---|---|---|", *(row(reader, found[reader]) for reader in readers)]
    print("\n".join(table))
    if options.output is not None:
        count = sum(map(len, found.values()))
        write_section(options.output, [f"{count:,} files, of seeds from {first} on.", "", *table])
    return int(any(each.status == "failed" for outcomes in found.values() for each in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
