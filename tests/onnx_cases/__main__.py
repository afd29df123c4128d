"""Compile ONNX's own test cases, and write what became of each: docs/onnx-cases.md.

Usage: python -m tests.onnx_cases [--only REGEX] [--jobs 2] [--output docs/onnx-cases.md]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.onnx_cases.check import Outcome, check_case
from tests.onnx_cases.page import page
from tests.onnx_cases.sources import Case, all_cases

STORE = Path("build/onnx_cases.json")
_CASES: dict[str, Case] = {}


def _check(name: str) -> tuple[str, Outcome]:
    if not _CASES:
        _CASES.update(all_cases())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return name, check_case(_CASES[name])


def main() -> int:
    """Check the cases; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="names of cases; the others keep their last outcome")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    _CASES.update(all_cases())
    outcomes: dict[str, Outcome] = {}
    if arguments.only and STORE.is_file():
        stored = json.loads(STORE.read_text("utf-8"))
        outcomes = {name: Outcome(**each) for name, each in stored.items() if name in _CASES}
    names = [name for name in _CASES if re.search(arguments.only, name) or name not in outcomes]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for number, (name, outcome) in enumerate(pool.map(_check, names, chunksize=8), start=1):
            outcomes[name] = outcome
            if number % 200 == 0:
                print(f"{number} of {len(names)}", file=sys.stderr, flush=True)
    STORE.parent.mkdir(exist_ok=True)
    ordered = {name: outcomes[name] for name in sorted(outcomes)}
    text = json.dumps({name: dataclasses.asdict(each) for name, each in ordered.items()}, indent=1)
    STORE.write_text(text, "utf-8")
    if arguments.output is not None:
        arguments.output.write_text(page(_CASES, ordered), "utf-8")
    failed = [name for name, outcome in ordered.items() if outcome.status == "failed"]
    for name in failed:
        print(f"{name}: {ordered[name].detail}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
