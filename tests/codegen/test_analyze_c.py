"""docs/c-code.md names every check that fires in generated firmware, of which digits are a sample."""

import subprocess
import sys

import pytest

from tests.project.source import ROOT
from tests.tools import require

PAGE = """
## Static analysis
| check | where | why |
|---|---|---|
| `clang-analyzer-core.A`, `-Wanalyzer-b` | `c.h` | d |

## Self-test
| `bugprone-e` | f | g |
"""
UNSET = "int f(void);\nint f(void)\n{\n    int a[2] = {1, 2};\n    int b;\n    return a[0] + b;\n}\n"


@pytest.fixture
def analyze_c(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import analyze_c

    return analyze_c


def test_checks_are_read_from_the_first_column(analyze_c):
    assert analyze_c.listed_checks(PAGE) == {"clang-analyzer-core.A", "-Wanalyzer-b"}


@pytest.mark.slow
def test_checks_that_fire_in_digits_are_listed():
    require("clang-tidy")
    options = ["--only", "digits", "--target", "cortex-m0plus"]
    command = [sys.executable, str(ROOT / "tools/analyze_c.py"), *options]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("digits, cortex-m0plus: ")


@pytest.mark.slow
def test_defect_fires_in_both_tools(analyze_c, tmp_path):
    require("clang-tidy")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "f.c").write_text(UNSET, "utf-8")
    fired = analyze_c.fired_checks(tmp_path)
    assert fired["clang-analyzer-core.UndefinedBinaryOperatorResult"] == "f.c:6"
    assert fired["-Wanalyzer-use-of-uninitialized-value"] == "f.c:6"
