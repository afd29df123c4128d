"""Rooms that grow too big are noticed: functions, files, kernels and templates have limits."""

import ast
import re

import pytest

from tests.project.source import ROOT

FUNCTION, FILE, KERNEL_FUNCTION, TEMPLATE = 60, 400, 60, 80
# What may be longer, with its own limit and the reason beside it.
EXCEPTIONS = {
    "mcuq/options.py": 424,  # every option of a build once, each with its declaration
    "mcuq/ir/op.py": 404,  # all that is asked of operators, which have no other base
    "templates/firmware/model.h.j2": 88,  # every macro under its comment, some only where they exist
    "templates/verify/harness.c.j2": 165,  # one program: input, run, guards and trace share static buffers
}


def _files(pattern, *folders):
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob(pattern))
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


def _lines(path):
    return path.read_text("utf-8").splitlines()


@pytest.mark.parametrize("path", _files("*.py", "mcuq", "tools", "tests", "firmware_examples", "proofs"))
def test_sizes_of_python_files_and_functions(path):
    limit = EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), FILE)
    assert len(_lines(path)) <= limit, f"{path.name} has {len(_lines(path))} lines, the limit is {limit}"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION, f"{node.name} has {length} lines, the limit is {FUNCTION}"


@pytest.mark.parametrize("path", _files("*.[chS]", "targets", "proofs"))
def test_sizes_of_c_functions(path):
    assert len(_lines(path)) <= FILE
    for name, length in _c_functions(_lines(path)):
        assert length <= KERNEL_FUNCTION, f"{name} has {length} lines, the limit is {KERNEL_FUNCTION}"


def _c_functions(lines):
    """Name and length of each function: the project's style puts its braces in the first column."""
    start, name = 0, ""
    for number, line in enumerate(lines):
        found = re.match(r"\w[\w\s*]*?(\w+)\(", line)
        if found:
            start, name = number, found[1]
        if line == "}":
            yield name, number - start + 1


def test_sizes_of_c_functions_are_seen():
    text = "static int f(int a,\n         int b)\n{\n    return a;\n}\n\nvoid g(void)\n{\n}\n"
    assert list(_c_functions(text.splitlines())) == [("f", 5), ("g", 3)]


@pytest.mark.parametrize("path", _files("*.j2", "templates", "targets"))
def test_sizes_of_templates(path):
    limit = EXCEPTIONS.get(path.relative_to(ROOT).as_posix(), TEMPLATE)
    assert len(_lines(path)) <= limit, f"{path.name} has {len(_lines(path))} lines, the limit is {limit}"
