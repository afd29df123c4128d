"""For which cores a CMSIS-Pack is offered: those that have the instructions of its kernels."""

import subprocess
from xml.etree import ElementTree

import pytest

from mcuq.packages.cmsis import DCORES, accepted_cores
from mcuq.packages.emit import PackageInfo
from mcuq.pipeline.package import package_firmware
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.targets import list_targets, load_target
from tests.cli.runner import refused, run
from tests.conftest import EXAMPLE
from tests.tools import require

STORED = EXAMPLE.parent / "digits/locked/digits.mcuq.npz"
INFO = PackageInfo("1.2.3", "acme", "https://example.com/models", "MIT")
DSP = ['Dcore="Cortex-M33" Ddsp="DSP"', 'Dcore="Cortex-M4"', 'Dcore="Cortex-M55"', 'Dcore="Cortex-M7"']
EXPECTED = {
    "cortex-m0plus": ['Dcore="Cortex-M0+"', 'Dcore="Cortex-M0"'],
    "cortex-m33": DSP,
    "cortex-m4": DSP,
    "cortex-m55": ['Dcore="Cortex-M55" Dmve="MVE"', 'Dcore="Cortex-M55" Dmve="FP_MVE"'],
    "cortex-m7": DSP,
}


def test_every_arm_core_has_a_name_in_packs():
    cores = {each.core.name for each in list_targets() if each.core.arch == "arm"}
    assert set(DCORES) == cores


@pytest.mark.parametrize("core", list(EXPECTED))
def test_cores_are_those_that_have_the_kernels(core):
    assert sorted(accepted_cores(plan_program(load_program(STORED), core))) == sorted(EXPECTED[core])


def test_portable_kernels_are_offered_for_every_core():
    accepted = accepted_cores(plan_program(load_program(STORED), "cortex-m3"))
    names = {name for names in DCORES.values() for name in names}
    assert set(accepted) == {f'Dcore="{name}"' for name in names}


def test_the_own_core_is_always_among_them():
    for target in list_targets():
        if target.core.arch == "arm":
            accepted = accepted_cores(plan_program(load_program(STORED), target.name, is_checked=False))
            assert any(f'Dcore="{DCORES[target.core.name][0]}"' in each for each in accepted)


@pytest.mark.slow
@pytest.mark.parametrize("core", list(EXPECTED))
def test_what_is_accepted_compiles_there(core, tmp_path):
    """The C for one core, with the options of every other that the pack is offered for."""
    require("arm-none-eabi-gcc")
    output = tmp_path / "firmware"
    assert run("build", STORED, "--target", core, "--output", output, "--verify", "none").code == 0
    accepted = accepted_cores(plan_program(load_program(STORED), core))
    for other, names in DCORES.items():
        flags = load_target(other).core.gcc_flags
        command = ["arm-none-eabi-gcc", *flags, "-std=c99", "-O2", "-Werror", "-c", "-o", tmp_path / "x.o"]
        done = subprocess.run(
            [*command, f"-I{output / 'include'}", output / "src/digits.c"], capture_output=True
        )
        if any(f'Dcore="{names[0]}"' in each for each in accepted):
            assert done.returncode == 0, done.stderr.decode()


def test_a_pack_has_its_condition_and_its_license(two_folders, tmp_path):
    path = package_firmware(two_folders["digits"], "cmsis-pack", tmp_path / "pack", INFO).path
    root = ElementTree.parse(path / "acme.digits.pdsc").getroot()
    (condition,) = root.iter("condition")
    (component,) = root.iter("component")
    assert component.attrib["condition"] == condition.attrib["id"]
    found = [
        " ".join(f'{key}="{value}"' for key, value in each.attrib.items())
        for each in condition.iter("accept")
    ]
    assert sorted(found) == DSP
    assert not list(condition.iter("require"))
    assert root.findtext("license") == "LICENSE"
    (license_set,) = root.iter("licenseSet")
    (license_file,) = license_set.iter("license")
    assert (license_file.attrib["name"], license_file.attrib["spdx"]) == ("LICENSE", "MIT")
    assert (path / "LICENSE").is_file()


def test_a_pack_of_firmware_for_riscv_is_refused(tmp_path):
    output = tmp_path / "firmware"
    assert run("build", STORED, "--target", "rv32imc", "--output", output, "--verify", "none").code == 0
    result = run("package", output, "--format", "cmsis-pack", "--output", tmp_path / "pack")
    assert "rv32imc" in refused(result, 2, "O013")
    assert not (tmp_path / "pack").exists()
    assert run("package", output, "--format", "cmake", "--output", tmp_path / "cmake").code == 0
