"""Imports point one way, and each of the heavy libraries has one place."""

import ast
import graphlib
import re

import pytest

from tests.project.source import PACKAGE, ROOT, imports, module_name, package_files, tracked_files

# A room of the package may import its own rank and those before it.
RANKS = (
    {"cleanup", "errors", "options", "settings"},
    {
        "reading",
        "resources",
        "targets",
        "target_files",
        "flash_modes",
        "files",
        "boards",
        "memories",
        "placing",
    },
    {"ir"},
    {"onnxio"},
    {"tflite"},
    {"ops"},
    {"frontend"},
    {"passes", "calibrate", "quantize", "interchange", "eliminate", "stream", "kernels", "memory", "strips"},
    {"simulator", "codegen"},
    {"tune"},
    {"analyze", "verify", "profile", "report", "device", "packages"},
    {"pipeline"},
    {"api", "cli"},
    {"pytest_plugin"},
    {"__init__", "__main__"},
)
HOMES = {
    "networkx": "mcuq/ir/graph.py",
    "onnx": "mcuq/onnxio/",
    "onnxruntime": "mcuq/calibrate/runtime.py",
    "tflite": "mcuq/tflite/schema.py",
    "jinja2": "mcuq/codegen/render.py",
    "typer": "mcuq/cli/",
    "PIL": "mcuq/calibrate/",
    "tomllib": "mcuq/reading/text.py",
    "tomli": "mcuq/reading/text.py",
    "unicorn": ("mcuq/verify/", "mcuq/profile/"),
    "capstone": ("mcuq/verify/", "mcuq/profile/"),
    "elftools": ("mcuq/verify/", "mcuq/profile/"),
    "distributed": "mcuq/tune/cluster.py",
    "pytest": "mcuq/pytest_plugin.py",
    "sqlite3": "mcuq/tune/database.py",
}
FILES = [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in package_files()]


def _room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _rank(room):
    ranks = [number for number, rooms in enumerate(RANKS) if room in rooms]
    assert ranks, f"mcuq/{room} has no rank: add it to RANKS"
    return ranks[0]


def _own_imports(path):
    # `import mcuq` is for the version alone; the API behind it is loaded when it is asked for.
    return [(line, _room(name)) for line, name in imports(path) if name.startswith("mcuq.")]


@pytest.mark.parametrize("path", FILES)
def test_imports_point_to_what_comes_before(path):
    own = _room(module_name(path))
    for line, room in _own_imports(path):
        assert _rank(room) <= _rank(own), f"line {line}: {own} imports {room}"


def test_imports_between_rooms_have_no_cycle():
    edges = {}
    for path in package_files():
        own = _room(module_name(path))
        edges.setdefault(own, set()).update(room for _, room in _own_imports(path) if room != own)
    del edges["__init__"]  # it offers the API, and nothing asks it for more than the version
    graphlib.TopologicalSorter(edges).prepare()


def test_imports_between_modules_have_no_cycle():
    edges = {
        module_name(path): {name for _, name in imports(path) if name.startswith("mcuq.")}
        for path in package_files()
    }
    del edges["mcuq"]
    graphlib.TopologicalSorter(edges).prepare()


@pytest.mark.parametrize("path", FILES)
def test_imports_of_libraries_stay_in_their_home(path):
    where = path.relative_to(ROOT).as_posix()
    for line, name in imports(path):
        home = HOMES.get(name.split(".")[0])
        assert home is None or where.startswith(home), f"line {line}: {name} is imported only in {home}"


def test_nothing_imports_onnxruntime_but_the_file_that_turns_its_telemetry_off():
    """Tests, tools and examples as well: the first import of a process decides."""
    home = ROOT / HOMES["onnxruntime"]
    # Also in examples, and by name.
    importing = re.compile(r"(?m)^[ >.\d]*(?:import|from) onnxruntime\b|import_module\(f?[\"']onnxruntime")
    sources = [path for path in tracked_files() if path.suffix in (".py", ".md")]
    found = [path for path in sources if importing.search(path.read_text("utf-8"))]
    assert [home] == found


def test_imports_of_the_root_use_only_the_version():
    for path in package_files():
        if path.parent == PACKAGE or all(name != "mcuq" for _, name in imports(path)):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mcuq":
                assert node.attr == "__version__", f"{path}, line {node.lineno}"
