"""Only one module creates sessions of onnxruntime: it asks for products that are exact on every processor."""

import ast

from tests.project.source import ROOT, tracked_files

ALLOWED = {
    "mcuq/calibrate/session.py": "the one that the others use",
    "firmware_examples/digits/train.py": "an example, whose model is float",
    "firmware_examples/gestures/train.py": "an example, whose model is float",
    "tests/no_vnni.py": "it looks whether products saturate where nothing is asked for",
}


def creates_session(tree):
    """Whether code names onnxruntime's class, as an attribute or imported."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "InferenceSession")
        or (isinstance(node, ast.ImportFrom) and any(name.name == "InferenceSession" for name in node.names))
        for node in ast.walk(tree)
    )


def test_sessions_are_created_in_one_place():
    found = {
        path
        for path in tracked_files()
        if path.suffix == ".py" and creates_session(ast.parse(path.read_text("utf-8")))
    }
    assert set(ALLOWED) == {path.relative_to(ROOT).as_posix() for path in found}
