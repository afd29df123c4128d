"""The recipes of docs/ci.md and the hook: their commands run in a repository as the page describes it."""

import json
import re
import shutil
import subprocess

import pytest

from tests.cli.runner import refused, run
from tests.guard.projects import environment, repository
from tests.project.source import ROOT
from tests.tools import require

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def _commands(recipe):
    """What a recipe of GitHub (`- run: x`) or GitLab (`- x` under `script:`) runs."""
    found = re.findall(r"^ +- run: (.*)$", recipe, re.MULTILINE)
    script = re.search(r"^  script:\n((?:    - .*\n)+)", recipe, re.MULTILINE)
    return found + (re.findall(r"^    - (.*)$", script[1], re.MULTILINE) if script else [])


def _recipes():
    found = {"github": "runs-on:", "gitlab": "script:"}
    blocks = _blocks("yaml")
    return {name: next(_commands(each) for each in blocks if mark in each) for name, mark in found.items()}


def test_recipes_run_the_same_commands():
    github, gitlab = _recipes().values()
    assert github == gitlab
    assert len(github) == 4


def test_recipes_install_what_is_released():
    (install,) = {commands[0] for commands in _recipes().values()}
    version = re.search(r'__version__ = "(.*)"', (ROOT / "mcuq" / "__init__.py").read_text())[1]
    assert install == f'pip install "mcuq[verify]=={version}" pytest'
    assert f"rev: v{version}" in PAGE


@pytest.mark.slow
def test_recipes_and_hook_run_in_a_repository(tmp_path, kws):
    require("unicorn")
    place = repository(tmp_path / "application", kws)
    shutil.copy(kws.parent / "kws.mcuq.lock", place / "firmware")
    (place / "tests" / "test_firmware.py").write_text(_blocks("python")[0])
    env = environment(tmp_path / "bin")
    hook = re.search(r"entry: (.*)", (ROOT / ".pre-commit-hooks.yaml").read_text())[1]
    for command in [*_recipes()["github"][1:], hook]:
        done = subprocess.run(command, shell=True, cwd=place, env=env, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    assert json.loads((place / "verify.json").read_text())["identical"] is True
    assert 'tests="2"' in (place / "report.xml").read_text()


def test_hook_notices_all_that_locks_depend_on():
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    files = re.compile(re.search(r"files: (.*)", text)[1])
    assert f"id: {re.search(r'- id: (.*)', text)[1]}\n" in PAGE
    for path in ("a.mcuq.lock", "x/kws.mcuq.npz", "x/kws.mcuq.json", "x/kws/src/kws.c", "x/include/kws.h"):
        assert files.search(path)
    for path in ("README.md", "src/app.py", "x/a.lock", "main.c"):
        assert not files.search(path)


def test_check_without_locks_finds_all_below(kws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "no file *.mcuq.lock" in refused(run("check"), 2, "O012")
    for name in ("a", "b/c", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
        shutil.copytree(kws, tmp_path / name / "kws")
        shutil.copy(kws.parent / "kws.mcuq.lock", tmp_path / name)
    assert run("check").out.split("\n")[:2] == [
        "unchanged: 8 layers as locked in a/kws.mcuq.lock",
        "unchanged: 8 layers as locked in b/c/kws.mcuq.lock",
    ]


def test_check_names_what_moved_in_all_locks(kws, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = json.loads((kws.parent / "kws.mcuq.lock").read_text())
    shutil.copytree(kws, tmp_path / "kws")
    (tmp_path / "right.mcuq.lock").write_text(json.dumps(document))
    document["sizes"]["arena_bytes"] += 8
    for name in ("x", "y"):
        (tmp_path / f"{name}.mcuq.lock").write_text(json.dumps(document))
    result = run("check", "x.mcuq.lock", "right.mcuq.lock", "y.mcuq.lock", "z.mcuq.lock")
    assert result.code == 4
    assert result.out == "unchanged: 8 layers as locked in right.mcuq.lock\n"
    found = [line[6:10] for line in result.err.splitlines() if line.startswith("error[")]
    assert found == ["V002", "V002", "O012"]
