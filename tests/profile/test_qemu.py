"""Cores that Unicorn does not count are counted by QEMU, or refused with a reason."""

import stat
from pathlib import Path

import pytest

import mcuq
from mcuq.profile.layers import count_layers, profile_marks
from mcuq.profile.plugin import count_on_qemu
from mcuq.profile.profile import profile_firmware
from mcuq.targets import load_target
from tests.profile.helpers import build, need, profiled_image
from tests.tools import require_machine

DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus"])
def test_qemu_counts_what_unicorn_counts(tmp_path, target):
    need(load_target(target).core)
    require_machine(load_target(target).core, "qemu")
    image = profiled_image(build(DIGITS, target, tmp_path), "gcc", "-O2", tmp_path / "image")
    ((instructions, _),) = count_layers(image, bytes(64), 1, None, tmp_path / "unicorn").layers
    _, counts = count_on_qemu(image, bytes(64), profile_marks(image), 1, tmp_path / "qemu", 60.0)
    assert counts == [pytest.approx(instructions, rel=0.0005)]


@pytest.mark.parametrize("target", ["cortex-m55", "rv32imc"])
def test_cores_that_only_qemu_counts_have_a_profile(tmp_path, target):
    need(load_target(target).core)
    firmware = build(DIGITS, target, tmp_path)
    found = profile_firmware(firmware.directory, firmware.plan, firmware.name)
    assert found.cycles is None
    assert all(layer.cycles is None for layer in found.layers)
    assert sum(layer.instructions for layer in found.layers) == pytest.approx(found.instructions, rel=0.02)
    # A vector instruction has up to 16 products.
    assert found.instructions > found.macs // 16
    assert "no cycle model" in found.note
    assert found == profile_firmware(firmware.directory, firmware.plan, firmware.name)


@pytest.mark.parametrize("says", ["-plugin: invalid option", "plugin interface not enabled in this build"])
def test_qemu_without_plugins_is_refused(tmp_path, monkeypatch, says):
    need(load_target("cortex-m55").core)
    firmware = build(DIGITS, "cortex-m55", tmp_path)
    program = tmp_path / "bin/qemu-system-arm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho 'qemu-system-arm: {says}' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    with pytest.raises(mcuq.McuqError, match=r"error\[T002\]: this QEMU loads no plugin") as found:
        profile_firmware(firmware.directory, firmware.plan, firmware.name)
    assert says in str(found.value)


def test_missing_qemu_is_refused(tmp_path, monkeypatch):
    need(load_target("cortex-m55").core)
    firmware = build(DIGITS, "cortex-m55", tmp_path)
    monkeypatch.setattr("mcuq.verify.machines.qemu.shutil.which", lambda _: None)
    with pytest.raises(mcuq.McuqError, match=r"error\[T002\]: 'qemu-system-arm' is not installed"):
        profile_firmware(firmware.directory, firmware.plan, firmware.name)
