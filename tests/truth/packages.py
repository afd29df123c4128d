"""The packages that bring outside truths: named skips on a laptop, failures in CI."""

import importlib.util
import os
from pathlib import Path

import pytest


def require_package(name, module):
    """The folder of an installed package; skips the test where it is missing, fails it in CI."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"'{name}' is missing, and CI has to run this test", pytrace=False)
        pytest.skip(f"'{name}' is not installed")
    return Path(spec.origin).parent
