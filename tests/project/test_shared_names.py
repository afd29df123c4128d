"""Two things of the package never share a name."""

import ast
import collections

from tests.project.source import module_name, package_files

# What every module of a kind says of itself under the same name.
PER_MODULE = {"FAMILY", "NAME", "VARIANTS", "__all__"}


def _is_type_variable(value):
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith("TypeVar")


def _public_names(path):
    """Classes, type aliases and constants of a module."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and not _is_type_variable(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _functions(path):
    return [
        node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)
    ]


def test_no_constant_is_called_like_a_function():
    """LIMITS and limits() would be two things with one name."""
    constants = {
        name for path in package_files() for name in _public_names(path) if name.isupper() and name[0] != "_"
    }
    functions = {name: module_name(path) for path in package_files() for name in _functions(path)}
    assert not {name: functions[name] for name in functions if name.upper() in constants}


def test_no_two_public_classes_aliases_or_constants_share_a_name():
    homes = collections.defaultdict(list)
    for path in package_files():
        for name in _public_names(path):
            if not name.startswith("_") and name not in PER_MODULE:
                homes[name].append(module_name(path))
    shared = {name: modules for name, modules in homes.items() if len(modules) > 1}
    assert not shared, f"give each of two things a name of its own, or import it: {shared}"
