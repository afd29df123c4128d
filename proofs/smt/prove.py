"""Run the proofs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from z3 import And, Not, Solver, sat, unsat

from proofs.smt.numbers import Case, Claim


@dataclasses.dataclass(frozen=True)
class Failure:
    """A case that is not proved, and why.

    Args:
        claim: its name.
        case: what it says.
        why: a counterexample, or what else is wrong.
    """

    claim: str
    case: str
    why: str

    def __str__(self) -> str:
        return f"{self.claim}, {self.case}: {self.why}"


def refutation(case: Case) -> str | None:
    """Why a case is not proved; None where it is."""
    solver = Solver()
    solver.set("random_seed", 1)
    solver.add(*case.premises)
    if solver.check() != sat:
        return "nothing satisfies the premises, so they prove nothing"
    solver.add(Not(And(*case.goals)))
    answer = solver.check()
    if answer == unsat:
        return None
    if answer != sat:
        return f"the solver does not know: {solver.reason_unknown()}"
    model = solver.model()
    return "false for " + ", ".join(f"{x} = {model[x].as_signed_long()}" for x in sorted(model, key=str))


def failures(claims: Sequence[Claim]) -> Iterator[Failure]:
    """All cases of claims that are not proved."""
    for claim in claims:
        for case in claim.cases():
            why = refutation(case)
            if why is not None:
                yield Failure(claim.name, case.says, why)
