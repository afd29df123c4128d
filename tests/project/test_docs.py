"""The documentation says what the code does."""

import doctest
import inspect
import re
import subprocess
import sys

import pytest

from mcuq.cli.commands import COMMANDS, load_function
from tests.project.source import ROOT, package_files

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "firmware_examples").rglob("*.md")),
]
PARAMS = [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in PAGES]


def _options():
    """All options of each command."""
    options = {}
    for command in COMMANDS:
        names = inspect.signature(load_function(command)).parameters
        options[command] = {f"--{name.replace('_', '-')}" for name in names} | {"--json", "--on"}
    return options


def _anchors(path):
    """What a link to a heading of a page may name."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_docs_generated_are_fresh():
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools/generate_docs.py"), "--check"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", PARAMS)
def test_docs_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


@pytest.mark.parametrize("path", PARAMS)
def test_docs_commands_and_options_exist(path):
    options = _options()
    # Continuation lines belong to their command; what follows a comment or a pipe does not.
    text = path.read_text("utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"(?:^|[`$] ?)mcuq ([a-z]+)([^\n`#|]*)", text, re.MULTILINE):
        assert name in options, f"mcuq {name}"
        unknown = set(re.findall(r"(?<![\w-])--[a-z-]+", rest)) - options[name] - {"--help"}
        assert not unknown, f"mcuq {name} {rest}"


def test_docs_numerics_has_every_rule_that_code_cites():
    law = (ROOT / "docs" / "numerics.md").read_text("utf-8")
    for path in package_files():
        for citation in re.findall(r"docs/numerics\.md[^.\n]*", path.read_text("utf-8")):
            for rule in re.findall(r"\bR\d+\b", citation):
                assert f"## {rule}: " in law, f"{path}: {citation}"
            for name in ("exp_neg", "one_over_1px", "table of operators"):
                assert name not in citation or name in law, f"{path}: {citation}"


def test_docs_python_examples_are_python():
    for path in PAGES:
        for block in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            if ">>>" not in block:
                compile(block, str(path), "exec")


def test_docs_numerics_examples_give_what_they_say():
    result = doctest.testfile(str(ROOT / "docs" / "numerics.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 10
    assert result.failed == 0


@pytest.mark.slow
def test_docs_python_example_of_the_readme_runs(tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for file in (ROOT / "firmware_examples" / "digits").glob("*.*n*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    run = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
