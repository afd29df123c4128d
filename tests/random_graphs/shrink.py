"""A smaller graph that fails as a larger one does."""

from __future__ import annotations

import re

from tests.random_graphs.check import Outcome, check_group
from tests.random_graphs.generate import generate, planned_nodes


def shrink(seed: int, *, is_mixed: bool = False, targets: tuple[str, ...] = ()) -> str:
    """The command that tests the smallest failing part of a seed's graph.

    First the fewest nodes from the beginning, then without each of them that can be left out.

    Args:
        seed: of the graph.
        is_mixed: as of `generate`.
        targets: likewise.
    """

    def attempt(nodes: int | None, skip: frozenset[int]) -> Outcome:
        return check_group([generate(seed, nodes, skip, is_mixed=is_mixed, targets=targets)])[0]

    full = attempt(None, frozenset())
    if full.status != "failed":
        return "it passes alone; run its group"
    kind = kind_of(full)
    planned = planned_nodes(seed)
    nodes = next((n for n in range(1, planned) if kind_of(attempt(n, frozenset())) == kind), planned)
    skip: frozenset[int] = frozenset()
    for index in range(nodes - 1):
        if kind_of(attempt(nodes, skip | {index})) == kind:
            skip |= {index}
    left = f" --skip {','.join(map(str, sorted(skip)))}" if skip else ""
    left += " --mixed" if is_mixed else ""
    left += f" --targets {','.join(targets)}" if targets else ""
    return f"python -m tests.random_graphs --graphs 1 --seed {seed} --nodes {nodes}{left}"


def kind_of(outcome: Outcome) -> str:
    """What kind of failure it is: names and numbers left out, the last line counts."""
    if outcome.status != "failed":
        return ""
    found = re.findall(r"Sanitizer: [\w-]+|runtime error: .{20}|#0 \S+ in \w+", outcome.detail)
    if found:
        return " ".join(re.sub(r"0x\w+|\d+", "#", part) for part in found[:2])
    lines = [line for line in outcome.detail.splitlines() if line.strip()]
    line = lines[-1] if lines and lines[0].startswith("Traceback") else (lines or [""])[0]
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "#", line)[:60]
