"""`python -m tests.random_graphs --graphs 1000 --seed 0`: many random graphs, every failure made smaller."""

from __future__ import annotations

import argparse
import collections
import functools
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tests.random_graphs.check import ALLOWED, Outcome, check_group
from tests.random_graphs.generate import GROUP, generate
from tests.random_graphs.shrink import kind_of, shrink

MAX_REFUSED = 0.02
MAX_SHRUNK = 8
MAX_LINES = 16
LOW_SQNR_DB = 10.0


def check_seeds(
    seeds: Sequence[int], *, is_mixed: bool = False, targets: tuple[str, ...] = ()
) -> list[Outcome]:
    """Test one group of seeds.

    Args:
        seeds: with one target.
        is_mixed: as of `generate`.
        targets: likewise.
    """
    return check_group([generate(seed, is_mixed=is_mixed, targets=targets) for seed in seeds])


def blocks(first: int, count: int) -> Iterator[list[int]]:
    """Seeds in groups that share a target."""
    start = first
    while start < first + count:
        end = min(first + count, (start // GROUP + 1) * GROUP)
        yield list(range(start, end))
        start = end


def run_many(options: argparse.Namespace) -> list[Outcome]:
    """All seeds of a range, some groups at a time, with a line per group."""
    first, count = options.seed, options.graphs
    check = functools.partial(check_seeds, is_mixed=options.mixed, targets=options.targets)
    outcomes: list[Outcome] = []
    start = time.monotonic()
    with ProcessPoolExecutor(options.workers) as pool:
        pending = {pool.submit(check, seeds): seeds for seeds in blocks(first, count)}
        for done in as_completed(pending):
            seeds = pending[done]
            try:
                found = done.result()
            except BrokenProcessPool:
                found = [Outcome(seed, "failed", "the process died; run its seeds alone") for seed in seeds]
            except Exception:
                found = [Outcome(seed, "failed", traceback.format_exc()) for seed in seeds]
            outcomes += found
            counts = collections.Counter(outcome.status for outcome in found)
            values = sum(outcome.compared for outcome in found)
            after = f"{len(outcomes)} of {count} after {time.monotonic() - start:.0f} s"
            print(f"seeds {seeds[0]}-{seeds[-1]}: {dict(counts)}, {values:,} values, {after}", flush=True)
    return sorted(outcomes, key=lambda outcome: outcome.seed)


def report(outcomes: Sequence[Outcome]) -> bool:
    """Print figures; whether all is well."""
    by_status = collections.Counter(outcome.status for outcome in outcomes)
    refused = collections.Counter(o.detail for o in outcomes if o.status == "refused")
    mixed = sum(outcome.is_mixed and outcome.status == "ok" for outcome in outcomes)
    print(f"\n{len(outcomes)} graphs: {dict(by_status)}; of those that are ok {mixed} of mixed widths")
    print(f"values compared, 0 different: {sum(outcome.compared for outcome in outcomes):,}")
    for code, count in refused.most_common():
        print(f"refused {code}: {count} ({ALLOWED[code]})")
    for title, field in (("operators", "operators"), ("steps", "steps")):
        total: collections.Counter[str] = collections.Counter()
        for outcome in outcomes:
            total.update(getattr(outcome, field) if outcome.status == "ok" else {})
        print(f"{title}: " + ", ".join(f"{name} {count}" for name, count in total.most_common()))
    _report_accuracy([outcome for outcome in outcomes if outcome.status == "ok"])
    rate = by_status["refused"] / len(outcomes)
    is_well = by_status["failed"] == 0 and (rate < MAX_REFUSED or len(outcomes) < 50)
    print(f"refused {rate:.1%}, limit {MAX_REFUSED:.0%}; " + ("all is well" if is_well else "NOT WELL"))
    return is_well


def _report_accuracy(outcomes: Sequence[Outcome]) -> None:
    """Statistics only: accuracy is not what these graphs test."""
    benign = [o for o in outcomes if o.is_benign and o.sqnr_db is not None]
    low = sorted((o for o in benign if o.sqnr_db < LOW_SQNR_DB), key=lambda o: o.sqnr_db)
    if benign:
        middle = sorted(outcome.sqnr_db for outcome in benign)[len(benign) // 2]
        print(f"SQNR of {len(benign)} benign graphs: median {middle:.1f} dB, {len(low)} below {LOW_SQNR_DB}")
        print("  lowest: " + ", ".join(f"seed {o.seed} {o.sqnr_db:.1f} dB" for o in low[:8]))
    far = sorted((o for o in outcomes if o.float_error > 1e-3), key=lambda o: -o.float_error)
    print(f"canonical graph differs from the model by more than 0.1 %: {len(far)}")
    print("  largest: " + ", ".join(f"seed {o.seed} {o.float_error:.2g}" for o in far[:8]))


def _print_failures(outcomes: Sequence[Outcome], options: argparse.Namespace) -> None:
    kinds: set[str] = set()
    for outcome in (each for each in outcomes if each.status == "failed"):
        is_new = kind_of(outcome) not in kinds
        kinds.add(kind_of(outcome))
        lines = outcome.detail.splitlines()
        is_traceback = outcome.detail.startswith("Traceback")
        limit = MAX_LINES if is_new else 1
        print(
            "\n".join(
                [f"\nFAILED seed {outcome.seed}:", *(lines[-limit:] if is_traceback else lines[:limit])]
            )
        )
        more = " --mixed" if options.mixed else ""
        more += f" --targets {','.join(options.targets)}" if options.targets else ""
        print(f"  again: python -m tests.random_graphs --graphs 1 --seed {outcome.seed}{more}")
        if is_new and len(kinds) <= MAX_SHRUNK and "the process died" not in outcome.detail:
            smaller = shrink(outcome.seed, is_mixed=options.mixed, targets=options.targets)
            print(f"  smaller: {smaller}", flush=True)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.random_graphs", description=__doc__)
    parser.add_argument("--graphs", type=int, default=1)
    parser.add_argument("--seed", type=int, help="the first one; by default one that the clock gives")
    parser.add_argument("--mixed", action="store_true", help="widths of single tensors and layers everywhere")
    parser.add_argument(
        "--targets",
        type=lambda text: tuple(text.split(",")),
        default=(),
        help="the emulated cores, as cortex-m4,cortex-m55; by default one that the seed says",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--nodes", type=int, help="at most so many actions, for one graph")
    parser.add_argument("--skip", default="", help="positions of actions to leave out, for one graph")
    parser.add_argument("--keep", type=Path, help="a folder for the model and its firmware, for one graph")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = time.time_ns() // 10**6 % 10**9 // GROUP * GROUP
    return options


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 where all is well."""
    options = _parse(arguments)
    print(f"seeds {options.seed} to {options.seed + options.graphs - 1}", flush=True)
    if options.graphs == 1:
        skip = frozenset(int(text) for text in options.skip.split(",") if text)
        recipe = generate(options.seed, options.nodes, skip, is_mixed=options.mixed, targets=options.targets)
        print(f"targets {recipe.targets} {recipe.opt}; {recipe.options}")
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
        outcomes = check_group([recipe], options.keep)
        print("\n".join(f"{o.status} {o.detail}" for o in outcomes))
        return 0 if outcomes[0].status != "failed" else 1
    outcomes = run_many(options)
    is_well = report(outcomes)
    _print_failures(outcomes, options)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
