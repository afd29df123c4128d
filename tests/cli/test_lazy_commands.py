"""A list of commands costs little: nothing that a command needs is imported for it."""

import inspect
import os
import subprocess
import sys

import pytest
from typer.main import get_command

from mcuq.cli.app import app
from mcuq.cli.commands import COMMANDS, load_function
from tests.project.source import ROOT

HEAVY = (
    "numpy",
    "onnx",
    "onnxruntime",
    "unicorn",
    "capstone",
    "networkx",
    "jinja2",
    "google.protobuf",
    "PIL",
)
LOADED = """
import sys
from mcuq.cli.app import app
try:
    app()
except SystemExit as end:
    assert end.code == 0
print([name for name in {names} if name in sys.modules], file=sys.stderr)
"""


def run_completion(words):
    environment = {**os.environ, "_MCUQ_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    code = "import sys; sys.argv[0] = 'mcuq'; from mcuq.cli.app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = LOADED.format(names=HEAVY)
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert run.stderr == "[]\n"


def test_help_takes_less_than_a_second_of_processor_time():
    before = os.times()
    subprocess.run([sys.executable, "-m", "mcuq", "--help"], capture_output=True, cwd=ROOT, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    assert used < 1


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_first_line_of_the_docstring(name):
    assert COMMANDS[name].summary == inspect.getdoc(load_function(name)).split("\n")[0]


def test_group_lists_every_command():
    assert list(get_command(app).commands) == list(COMMANDS)


def test_unknown_command_is_suggested_and_exits_with_2():
    run = subprocess.run([sys.executable, "-m", "mcuq", "bild"], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 2
    assert "Did you mean 'build'?" in run.stderr


def test_completion_knows_commands_and_their_options():
    assert run_completion("mcuq eva").stdout.split() == ["evaluate"]
    assert run_completion("mcuq build --targ").stdout.split() == ["--target"]


def test_completion_of_a_command_knows_the_values_of_an_option():
    assert run_completion("mcuq build --verify h").stdout.split() == ["host"]
