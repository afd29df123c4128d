"""A package that has no wheel here is a named skip, also in CI; one that has is a failure there."""

import platform
import sys

import pytest

from tests.project.source import ROOT
from tests.truth.packages import WHEELS, require_package


def test_package_without_a_wheel_here_is_skipped_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(pytest.skip.Exception, match="no 'tflite-micro' for aarch64"):
        require_package("tflite-micro", "no_such_module")


def test_package_with_a_wheel_here_fails_in_ci_and_is_skipped_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="'tflite-micro' is missing"):
        require_package("tflite-micro", "no_such_module")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="is not installed"):
        require_package("tflite-micro", "no_such_module")


def test_conditions_are_those_of_the_extra():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for name, (system, machine) in WHEELS.items():
        (line,) = [line for line in project.splitlines() if line.strip().startswith(f'"{name}')]
        assert f"sys_platform == '{system}' and platform_machine == '{machine}'" in line
