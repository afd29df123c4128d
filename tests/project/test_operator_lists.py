"""What is true of an operator stands in the operator's own room: nothing else lists operators."""

import ast

import pytest

from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.ops.registry import GRAPH_OPS, STEP_OPS
from tests.project.source import PACKAGE, ROOT, package_files

OPS = PACKAGE / "ops"
# The most lines outside of mcuq/ops and mcuq/kernels that name an operator's class. A kernel variant names
# the step it computes, and a pass about exactly one operator names that; whatever is asked of several
# operators is a method of theirs.
MOST_LINES = 75


def operators():
    """Names of all operator classes of the package, with the bases that some of them share."""
    registered = {*GRAPH_OPS.values(), *STEP_OPS.values()}
    bases = {base for each in registered for base in each.__mro__ if issubclass(base, Op | StepOp)}
    return {each.__name__ for each in (registered | bases) if each.__module__.startswith("mcuq.ops.")}


NAMES = operators()
FILES = [
    pytest.param(path, id=path.relative_to(ROOT).as_posix())
    for path in package_files()
    if not path.is_relative_to(OPS)
]


def imported(tree):
    """Operator classes by the name that a file has for them."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mcuq.ops")
        for alias in node.names
        if alias.name in NAMES
    }


def named(nodes, local):
    """The operators among some expressions, in calls too."""
    found = []
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in local:
            found.append(local[node.id])
        elif isinstance(node, ast.Starred | ast.Call):
            inner = [node.value] if isinstance(node, ast.Starred) else [node.func]
            found += named(inner, local)
    return found


def union(node):
    """The members of `A | B | C` or `(A, B, C)`."""
    if isinstance(node, ast.Tuple):
        return node.elts
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*union(node.left), *union(node.right)]
    return [node]


def lists(tree):
    """(line, what, operators) of every collection of operators in a file."""
    local = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield node.lineno, "a collection", named(node.elts, local)
        elif isinstance(node, ast.Dict):
            yield node.lineno, "a mapping", named([key for key in node.keys if key], local)
        elif isinstance(node, ast.BinOp):
            yield node.lineno, "a union", named(union(node), local)
        elif isinstance(node, ast.FunctionDef):
            yield node.lineno, f"{node.name}, which asks for the class,", asked(node, local)


def asked(function, local):
    """The operators for which one function asks with isinstance, type or match."""
    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            found += named(union(node.args[1]), local)
        elif isinstance(node, ast.MatchClass):
            found += named([node.cls], local)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.In):
            found += named(node.comparators, local)
    return found


@pytest.mark.parametrize("path", FILES)
def test_no_list_of_operators_stands_outside_their_room(path):
    tree = ast.parse(path.read_text("utf-8"))
    for line, what, found in lists(tree):
        names = sorted(set(found))
        assert len(names) < 2, (
            f"{path.relative_to(ROOT)}, line {line}: {what} names the operators {', '.join(names)}; let a "
            "method of Op answer (mcuq/ir/op.py), with a default that is safe for operators to come"
        )


def test_a_list_of_operators_is_found():
    text = """
from mcuq.ops.conv import Conv2d
from mcuq.ops.pool import Mean, MaxPool as Largest
A = (Conv2d, Mean)
B = {Conv2d: 1, Largest: 2}
def f(x: Conv2d | Mean):
    if isinstance(x, Conv2d): return 1
    return isinstance(x, (str, Largest))
def g(x):
    match x:
        case Conv2d(): return 1
        case Mean(): return 2
def h(x): return isinstance(x, Conv2d)
"""
    found = [what for _, what, names in lists(ast.parse(text)) if len(set(names)) > 1]
    assert sorted(found) == [
        "a collection",
        "a mapping",
        "a union",
        "f, which asks for the class,",
        "g, which asks for the class,",
    ]


def test_lines_that_name_an_operator_do_not_become_more():
    count = 0
    for param in FILES:
        (path,) = param.values
        if path.is_relative_to(PACKAGE / "kernels"):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        local = imported(tree)
        uses = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in local}
        imports = {
            alias.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mcuq.ops")
            for alias in node.names
            if alias.name in NAMES
        }
        count += len(uses | imports)
    assert count <= MOST_LINES, f"{count} lines name an operator outside of its room, {MOST_LINES} did"
