"""`python -m tests.stress`: builds that race for one folder, and builds that are killed at random moments."""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from pathlib import Path

from tests.stress.stress import SIGNALS, Place, kill_once, race_once


def main() -> int:
    """Run them, and exit with 1 where one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="mcuq-stress-") as name:
        place = Place(Path(name))
        for number in range(options.races):
            outcomes[f"race: {race_once(place, options.seed, number)}"] += 1
        for number in range(options.kills):
            chosen = SIGNALS[number % len(SIGNALS)]
            outcomes[f"{chosen.name}: {kill_once(place, options.seed, number, chosen)}"] += 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:4} {outcome}")
    return 1 if any("WRONG" in outcome for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
