"""What `mcuq package` refuses; what was at the output stays."""

import json
import shutil

import pytest

from mcuq.codegen.manifest import sha256
from tests.cli.runner import refused, run


@pytest.fixture
def place(two_folders, tmp_path, monkeypatch):
    """The current folder, with firmware in it and a package that is there already."""
    shutil.copytree(two_folders["digits"], tmp_path / "firmware")
    monkeypatch.chdir(tmp_path)
    assert run("package", "firmware", "--format", "cmake", "--output", "out").code == 0
    return tmp_path


def _snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _refused(place, *arguments, problems, code=2):
    before = _snapshot(place)
    text = refused(run("package", *arguments), code, *problems)
    assert _snapshot(place) == before
    return text


def test_package_says_what_it_wrote(place):
    result = run("package", "firmware", "--format", "zephyr", "--json")
    assert (result.code, result.json["path"], result.json["format"]) == (0, "zephyr/digits", "zephyr")
    for path, size in result.json["files"].items():
        assert (place / "zephyr" / "digits" / path).stat().st_size == size
    assert "digits for cmake: " in run("package", "firmware", "--format", "cmake").out


def test_package_refuses_metadata_and_a_folder_that_is_none_all_at_once(place):
    strange = ("--package-version", "1.0", "--vendor", "a;b", "--url", "ftp://x", "--license", 'M"IT')
    problems = ("O001", "O001", "O001", "O001", "O011")
    _refused(place, "out/include", "--format", "cmake", "--output", "out", *strange, problems=problems)


def test_package_refuses_edited_missing_and_added_files_all_at_once(place):
    source = place / "firmware" / "src"
    (source / "digits.c").write_bytes((source / "digits.c").read_bytes() + b"\n")
    (source / "mcuq_common.h").unlink()
    (source / "digits_weights.c").rename(source / "digits weights.c")
    text = _refused(place, "firmware", "--format", "arduino", problems=["V004"] * 5, code=4)
    assert "'src/digits.c' is changed" in text
    assert "'src/mcuq_common.h' is missing" in text
    assert "'src/digits weights.c' is unknown" in text


def test_package_refuses_names_that_would_end_in_build_files(place):
    manifest = place / "firmware" / "digits.mcuq.json"
    document = json.loads(manifest.read_text())
    for name in ("src/a;b.c", "src/$(id).c", "src/deeper/a.c", "include/x.hpp"):
        path = place / "firmware" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("int x;\n")
        document["files"][name] = sha256(path.read_bytes())
    manifest.write_text(json.dumps(document))
    text = _refused(place, "firmware", "--format", "cmake", "--output", "out", problems=["V004"] * 4, code=4)
    assert "'src/a;b.c' is no name of mcuq's" in text


def test_package_refuses_many_changes_with_a_count(place):
    for number in range(120):
        (place / "firmware" / "src" / f"x{number}.h").write_text("")
    text = _refused(place, "firmware", "--format", "cmake", problems=["V004"] * 51, code=4)
    assert "70 more" in text


def test_package_refuses_a_folder_without_manifest_or_program(place):
    (place / "firmware" / "digits.mcuq.npz").unlink()
    _refused(place, "firmware", "--format", "cmake", "--output", "out", problems=["O012"])
    (place / "firmware" / "digits.mcuq.json").unlink()
    _refused(place, "firmware", "--format", "cmake", "--output", "out", problems=["O011"])
    _refused(place, "nowhere", "--format", "cmake", "--output", "out", problems=["O011"])


def test_package_refuses_a_package_as_firmware(place):
    _refused(place, "out", "--format", "arduino", problems=["O011"])


@pytest.mark.parametrize("output", ["firmware", "firmware/inside", "firmware/src"])
def test_package_refuses_to_write_over_or_into_firmware(place, output):
    _refused(place, "firmware", "--format", "cmake", "--output", output, problems=["O010"])


def test_package_refuses_an_output_with_foreign_files(place):
    (place / "out" / "mine.txt").write_text("mine")
    assert "mine.txt" in _refused(
        place, "firmware", "--format", "cmake", "--output", "out", problems=["O010"]
    )


@pytest.mark.parametrize(("package_format", "name"), [("arduino", "x.pack"), ("cmsis-pack", "x.zip")])
def test_package_refuses_an_archive_with_the_ending_of_another(place, package_format, name):
    (place / name).write_text("mine")
    _refused(place, "firmware", "--format", package_format, "--output", name, problems=["O001"])


def test_package_refuses_an_archive_that_cannot_be_written(place):
    _refused(place, "firmware", "--format", "cmake", "--output", "no/such/x.zip", problems=["O012"])
