"""The packages that bring outside truths: named skips on a laptop, failures in CI."""

import importlib.util
import os
import platform
import sys
from pathlib import Path

import pytest

# Where wheels of a package exist; pyproject.toml has the same condition.
WHEELS = {"tflite-micro": ("linux", "x86_64")}


def require_package(name, module):
    """The folder of an installed package; skips the test where it is missing, fails it in CI."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        here = (sys.platform, platform.machine())
        if WHEELS.get(name, here) != here:
            pytest.skip(f"there is no '{name}' for {here[1]} on {here[0]}")
        if os.environ.get("CI") == "true":
            pytest.fail(f"'{name}' is missing, and CI has to run this test", pytrace=False)
        pytest.skip(f"'{name}' is not installed")
    return Path(spec.origin).parent
