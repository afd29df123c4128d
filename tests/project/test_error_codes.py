"""Every error code is listed once, used, and named by a test."""

import ast
import re

from mcuq.errors import CODES
from tests.project.source import PACKAGE, ROOT, package_files

CODE = re.compile(r"[MQTOVI]\d{3}")


def _used_codes():
    """The codes that calls in the package take as an argument."""
    used = set()
    for path in package_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                used |= {word for word in words if isinstance(word, str) and CODE.fullmatch(word)}
    return used


def test_error_codes_in_use_are_listed():
    assert _used_codes() <= CODES.keys()


def test_error_codes_listed_are_in_use():
    assert sorted(CODES.keys() - _used_codes()) == []


def test_error_codes_listed_are_named_by_a_test():
    texts = [
        path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_docs.py"
    ]
    named = {code for text in texts for code in CODE.findall(text)}
    assert sorted(CODES.keys() - named) == []


def test_error_codes_are_listed_once():
    text = (PACKAGE / "errors.py").read_text("utf-8")
    table = text[text.index("CODES") : text.index("class Problem")]
    listed = re.findall(r'^    "([A-Z]\d{3})":', table, re.MULTILINE)
    assert listed == list(CODES)


def test_error_codes_in_docstrings_are_listed():
    for path in package_files():
        words = re.findall(r"\b[MQTOVI]\d{3}\b", path.read_text("utf-8"))
        assert set(words) <= CODES.keys(), path
