"""Every form of requantization is the law, for all numbers: proofs/smt."""

import pytest

from tests.project.source import ROOT
from tests.tools import require

NAMES = (
    "high half",
    "double",
    "double, simulator",
    "double, halves",
    "single",
    "long sums",
    "limits",
    "DSP shortcut",
    "DSP shortcut by the value's sign",
    "vectors",
    "softmax",
    "linear resizing",
    "order",
)


def _claims():
    require("z3-solver")
    from proofs.smt.claims import CLAIMS

    return {claim.name: claim for claim in CLAIMS}


def test_claims_are_those_that_are_tested():
    assert list(NAMES) == list(_claims())


@pytest.mark.parametrize("name", NAMES)
def test_form_of_requantization_is_proved(name):
    claim = _claims()[name]
    from proofs.smt.prove import failures

    assert list(map(str, failures([claim]))) == []


@pytest.mark.parametrize("name", NAMES)
def test_form_stands_where_its_claim_says(name):
    claim = _claims()[name]
    assert claim.text in (ROOT / claim.file).read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_claim_stands_in_the_page_of_proofs(name):
    claim = _claims()[name]
    page = (ROOT / "docs/proofs.md").read_text("utf-8")
    assert f"| {claim.name} | {claim.says} | `{claim.file}` |" in page


def test_form_without_its_sign_is_refuted():
    require("z3-solver")
    from proofs.smt.numbers import HALF, Case, number, rdp, within
    from proofs.smt.prove import refutation

    high = number("high", HALF)
    premises = (within(high, (-(2**31) + 1, 2**31 - 2)),)
    # Ties upward, where the law has them away from zero.
    why = refutation(Case("ties", premises, (((high + 8) >> 4) == rdp(high, 4),)))
    assert why.startswith("false for high = -")


def test_premises_that_nothing_satisfies_are_refused():
    require("z3-solver")
    from proofs.smt.numbers import Case, number, within
    from proofs.smt.prove import refutation

    x = number("x")
    case = Case("nothing", (within(x, (0, 1)), within(x, (2, 3))), (x == 7,))
    assert refutation(case) == "nothing satisfies the premises, so they prove nothing"
