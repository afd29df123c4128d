"""Runs all mutants, and writes what became of them: python -m tests.mutants [--output docs/verification.md].

Ends with 1 where a mutant is not noticed, or one that is called equivalent is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import dsp_assembly, dsp_c, lowering, mve_c
from tests.mutants.change import Fate
from tests.mutants.kernels import run_assembly, run_c
from tests.mutants.python import run_python

BEGIN, END = "<!-- begin: mutants -->", "<!-- end: mutants -->"
_INTRODUCTION = """## Mutants

Written by `make mutants`: one-line changes of kernels and of what computes their parameters, and whether the
tests notice them. Kernels run as `tests/kernels/test_isolated.py` runs them: their C on the host under the
sanitizers for addresses and undefined behaviour, their assembly in an emulated Cortex-M4, every buffer beside
memory that does not exist. An equivalent change computes the same for every input; nobody may notice it.

| changes of | mutants | noticed | equivalent | not noticed |
|---|---|---|---|---|
"""


def run_all() -> dict[str, list[Fate]]:
    """What became of all mutants, by what they change."""
    with tempfile.TemporaryDirectory(prefix="mcuq-mutants-") as name:
        folder = Path(name)
        return {
            "DSP kernels in C": run_c(dsp_c.CHANGES, folder / "c"),
            "vector kernels in C": run_c(mve_c.CHANGES, folder / "vectors"),
            "DSP kernels in assembly": run_assembly(dsp_assembly.CHANGES, folder / "assembly"),
            "integers, lowering, packing, limits in Python": run_python(lowering.CHANGES),
        }


def is_right(fate: Fate) -> bool:
    """Whether a mutant was noticed, or is one that nobody can notice."""
    return (fate.noticed is None) == bool(fate.change.equivalent)


def section(found: dict[str, list[Fate]]) -> str:
    """The figures, and the equivalent ones by name."""
    rows = [_row(title, fates) for title, fates in found.items()]
    total = [fate for fates in found.values() for fate in fates]
    lines = [*rows, _row("all", total), "", "Equivalent are:", ""]
    for fate in total:
        if fate.change.equivalent:
            place, put = fate.change.text.rsplit(" ~~ ")[-1].split(" => ")
            lines.append(f"- `{fate.change.file}`: `{place}` to `{put}`: {fate.change.equivalent}.")
    return f"{BEGIN}\n\n{_INTRODUCTION}" + "\n".join(lines) + f"\n\n{END}\n"


def _row(title: str, fates: Sequence[Fate]) -> str:
    equivalent = sum(bool(fate.change.equivalent) for fate in fates)
    noticed = sum(fate.noticed is not None for fate in fates)
    missed = sum(not is_right(fate) for fate in fates)
    return f"| {title} | {len(fates)} | {noticed} | {equivalent} | {missed} |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="the page whose section of mutants to replace")
    options = parser.parse_args()
    found = run_all()
    text = section(found)
    print(text)
    if options.output is not None:
        page = options.output.read_text("utf-8")
        before, _, rest = page.partition(BEGIN)
        behind = rest.partition(f"{END}\n")[2]
        options.output.write_text(f"{before.rstrip()}\n\n{text}{behind}", "utf-8")
    wrong = [fate for fates in found.values() for fate in fates if not is_right(fate)]
    for fate in wrong:
        print(f"NOT AS EXPECTED: {fate.change}: {fate.noticed or 'nobody noticed'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
