"""`python -m tests.damaged_models --cases 2000 --seed 0`: builds under limits, keeps what fails."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import secrets
import sys
from multiprocessing import Pool
from pathlib import Path

from tests.damaged_models.damage import damaged
from tests.damaged_models.limits import Outcome, build_limited
from tests.damaged_models.named import NAMED
from tests.damaged_models.sources import sources


def case(seed: int) -> tuple[str, bytes]:
    """The name of a source, and the damaged model."""
    names = sorted(sources())
    name = names[seed % len(names)]
    return name, damaged(sources()[name], seed)


def run_case(seed: int) -> tuple[int, Outcome]:
    """The outcome of a seed."""
    return seed, build_limited(case(seed)[1])


def run_named(name: str) -> Outcome:
    """The outcome of a named model."""
    make, _ = NAMED[name]
    return build_limited(make().SerializeToString())


def main() -> int:
    """Run all seeds; 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, help="the first one; random if not given")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path("build/damaged_models"), help="where failures go")
    parser.add_argument("--named", action="store_true", help="run the named models, print outcomes as JSON")
    options = parser.parse_args()
    if options.named:
        print(json.dumps({name: dataclasses.asdict(run_named(name)) for name in NAMED}))
        return 0
    first = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    print(f"seeds {first} to {first + options.cases - 1}")
    outcomes: dict[int, Outcome] = {}
    with Pool(options.workers) as pool:
        for seed, outcome in pool.imap_unordered(run_case, range(first, first + options.cases)):
            outcomes[seed] = outcome
            if outcome.status == "failed":
                name, model = case(seed)
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{name}_{seed}.onnx").write_bytes(model)
                print(f"seed {seed} ({name}): {outcome.detail}", flush=True)
    print(
        collections.Counter((o.status, o.detail if o.status == "refused" else "") for o in outcomes.values())
    )
    for title, field in (("bytes held", "peak_bytes"), ("seconds", "seconds")):
        most = sorted(outcomes, key=lambda seed: -getattr(outcomes[seed], field))[:5]
        print(f"most {title}:", ", ".join(f"{getattr(outcomes[s], field):,.0f} (seed {s})" for s in most))
    return int(any(outcome.status == "failed" for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
