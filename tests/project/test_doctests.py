"""The examples in docstrings do what they say."""

import doctest
import importlib

import pytest

from tests.project.source import module_name, package_files

MODULES = [module_name(path) for path in package_files() if path.name != "__main__.py"]


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
