"""docs/c-code.md names every MISRA rule that fires in generated firmware, of which digits are a sample."""

import subprocess
import sys

import pytest

from tests.project.source import ROOT
from tests.tools import require

PAGE = """
## Rule 1.1 of another section
## Deviations from MISRA C:2012
| guideline | where | why |
|---|---|---|
| Rule 10.1, Directive 4.9: x | 3.3 | y 4.4 |
| Rules 2.3, 20.10: z | a | b |

## Self-test
| Rule 5.5 | a | b |
"""


@pytest.fixture
def misra(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import misra

    return misra


def test_rules_are_read_from_the_first_column_of_the_deviations(misra):
    assert misra.listed_rules(PAGE) == {"10.1", "4.9", "2.3", "20.10"}


@pytest.mark.slow
def test_rules_that_fire_in_digits_are_listed():
    require("cppcheck")
    command = [sys.executable, str(ROOT / "tools/misra.py"), "--only", "digits"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, "")
    assert " 10.1 " in run.stdout


@pytest.mark.slow
def test_rule_that_is_not_listed_is_reported(misra, monkeypatch, tmp_path):
    require("cppcheck")
    page = tmp_path / "c-code.md"
    text = misra.PAGE.read_text("utf-8")
    page.write_text(text.replace("Rule 17.8:", "Rule 99.9:"), "utf-8")
    monkeypatch.setattr(misra, "PAGE", page)
    monkeypatch.setattr(misra, "TARGETS", ("cortex-m0plus",))
    (line,) = misra.unlisted([misra.DIGITS])
    assert line.startswith("rule 17.8 fires in digits for cortex-m0plus, ")
