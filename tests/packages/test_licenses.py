"""Licenses in packages: named where each ecosystem looks for one, and refused where they cannot be."""

import json
import re
import shutil

import pytest

from mcuq.packages.emit import PackageInfo
from mcuq.packages.layouts import LAYOUTS
from mcuq.pipeline.package import package_firmware
from tests.cli.runner import refused, run
from tests.packages.projects import exit_code, main_of, single_file
from tests.packages.projects import run as program
from tests.tools import require

URL, LICENSE = "https://example.com/models", "MIT OR Apache-2.0"
SILENT, NAMED = PackageInfo("1.2.3", "acme", URL), PackageInfo("1.2.3", "acme", URL, LICENSE)
SPDX = f"SPDX-License-Identifier: {LICENSE}"
TEXT = "Copyright (c) 2026 Ácme\r\n\nAll of it is yours.\n"


def _package(two_folders, folder, package_format, info, file=None):
    return package_firmware(two_folders["digits"], package_format, folder, info, file).path


@pytest.mark.parametrize(
    ("package_format", "file", "line"),
    [
        ("arduino", "library.properties", f"license={LICENSE}"),
        ("platformio", "library.json", f'  "license": "{LICENSE}",'),
        ("esp-idf", "idf_component.yml", f'license: "{LICENSE}"'),
        ("cmake", "CMakeLists.txt", f"# {SPDX}"),
        ("zephyr", "zephyr/CMakeLists.txt", f"# {SPDX}"),
        ("zephyr", "zephyr/Kconfig", f"# {SPDX}"),
        ("cmsis-pack", "acme.digits.pdsc", "  <license>LICENSE</license>"),
        ("single-file", "digits.h", f"/* {SPDX} */"),
        ("single-file", "digits.c", f"/* {SPDX} */"),
    ],
)
def test_package_names_a_license_where_one_is_given(two_folders, tmp_path, package_format, file, line):
    named = _package(two_folders, tmp_path / "named", package_format, NAMED)
    silent = _package(two_folders, tmp_path / "silent", package_format, SILENT)
    assert line in (named / file).read_text().splitlines()
    assert f"Version 1.2.3, license {LICENSE}: see `LICENSE`." in (named / "README.md").read_text()
    for name in (file, "README.md"):
        assert "license" not in (silent / name).read_text().lower()


@pytest.mark.parametrize("package_format", list(LAYOUTS))
def test_package_has_a_file_of_its_license(two_folders, tmp_path, package_format):
    named = _package(two_folders, tmp_path / "named", package_format, NAMED)
    text = (named / "LICENSE").read_text()
    assert text.startswith(f"{SPDX}\n")
    assert "digits 1.2.3 of acme (https://example.com/models)" in text
    assert "LICENSE" in json.loads((named / "digits.package.mcuq.json").read_text())["files"]
    assert not (_package(two_folders, tmp_path / "silent", package_format, SILENT) / "LICENSE").exists()
    given = tmp_path / "terms.txt"
    given.write_bytes(TEXT.encode())
    mine = _package(two_folders, tmp_path / "mine", package_format, NAMED, given)
    assert (mine / "LICENSE").read_bytes() == TEXT.encode()
    document = json.loads((mine / "digits.package.mcuq.json").read_text())
    assert document["license"] == LICENSE
    assert "license_text" not in document


def test_package_of_cmake_installs_its_license(two_folders, tmp_path):
    require("cmake")
    path = _package(two_folders, tmp_path / "digits", "cmake", NAMED)
    build = tmp_path / "build"
    program(
        "cmake", "-S", path, "-B", build, "-DDIGITS_C_FORMS=ON", f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'to'}"
    )
    program("cmake", "--build", build)
    program("cmake", "--install", build)
    assert (tmp_path / "to/share/licenses/digits/LICENSE").read_bytes() == (path / "LICENSE").read_bytes()


def test_package_of_a_single_file_runs_with_its_license(two_folders, tmp_path):
    found = {"digits": _package(two_folders, tmp_path / "digits", "single-file", NAMED)}
    (tmp_path / "main.c").write_text(main_of(["digits"]))
    assert exit_code(single_file(tmp_path, found)) == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "O012"),
        (b"", "O001"),
        (b" \n", "O001"),
        (b"\xff\xfe", "O001"),
        (b"a\0b", "O001"),
        (b"x" * (1 << 21), "O015"),
    ],
)
def test_package_refuses_a_license_that_is_no_text(two_folders, tmp_path, monkeypatch, data, code):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(two_folders["digits"], "firmware")
    if data is not None:
        (tmp_path / "terms").write_bytes(data)
    arguments = ("package", "firmware", "--format", "cmake", "--license", "MIT", "--license-file", "terms")
    refused(run(*arguments), 2, code)
    assert not (tmp_path / "cmake").exists()


def test_package_refuses_a_text_of_no_license_and_names_all_else(two_folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "terms").write_text(TEXT)
    arguments = ("package", two_folders["digits"], "--format", "cmake", "--license-file", "terms")
    text = refused(run(*arguments, "--vendor", "9"), 2, "O001", "O013")
    assert re.search("LicenseRef-", text)
    assert run(*arguments, "--license", "LicenseRef-Acme").code == 0
    assert (tmp_path / "cmake/digits/LICENSE").read_bytes() == TEXT.encode()
