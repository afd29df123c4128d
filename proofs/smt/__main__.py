"""Prove that forms of requantization are the law: `python -m proofs.smt`; exit code 1 where one is not."""

from __future__ import annotations

import sys
import time

from proofs.smt.claims import CLAIMS
from proofs.smt.prove import failures


def main() -> None:
    """Print each claim with the cases and the time that its proof takes."""
    count = 0
    for claim in CLAIMS:
        start = time.monotonic()
        found = list(failures([claim]))
        cases = sum(1 for _ in claim.cases())
        said = "proved" if not found else f"{len(found)} NOT PROVED"
        print(f"{claim.name}: {cases} cases, {said}, {time.monotonic() - start:.1f} s", flush=True)
        for failure in found:
            print(f"error: {failure}", file=sys.stderr)
        count += len(found)
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
