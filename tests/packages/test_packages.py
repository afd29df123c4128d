"""Packages: both models run in one project of each ecosystem; archives, metadata, determinism."""

import configparser
import json
import shutil
import zipfile
from xml.etree import ElementTree

import pytest

from mcuq.codegen.manifest import sha256
from mcuq.packages.emit import PackageInfo
from mcuq.packages.layouts import LAYOUTS
from mcuq.pipeline.package import package_firmware
from tests.packages.projects import ARDUINO, HOST, PROJECTS, exit_code, main_of, run, single_file
from tests.tools import require

INFO = PackageInfo("1.2.3", "acme", "https://example.com/models")


def packages(two_folders, folder, package_format):
    return {
        name: package_firmware(path, package_format, folder / package_format / name, INFO).path
        for name, path in two_folders.items()
    }


def _contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("package_format", "project"), PROJECTS, ids=[each.__name__ for _, each in PROJECTS])
def test_package_two_models_run_in_one_project(two_folders, tmp_path, package_format, project):
    found = packages(two_folders, tmp_path, package_format)
    (tmp_path / "main.c").write_text(main_of(list(found)))
    assert exit_code(project(tmp_path, found)) == 0


def test_package_example_notices_a_changed_weight(two_folders, tmp_path):
    found = packages(two_folders, tmp_path, "single-file")
    source = found["digits"] / "digits.c"
    text = source.read_text()
    source.write_text(text.replace(".in_c = 48,", ".in_c = 47,"))
    assert source.read_text() != text
    (tmp_path / "main.c").write_text(main_of(list(found)))
    assert exit_code(single_file(tmp_path, found)) == 1


@pytest.mark.parametrize("package_format", list(LAYOUTS))
def test_package_is_deterministic_whole_and_listed(two_folders, tmp_path, package_format):
    done = package_firmware(two_folders["digits"], package_format, tmp_path / "a", INFO)
    again = package_firmware(two_folders["digits"], package_format, tmp_path / "b" / "c", INFO)
    read = _contents(done.path)
    assert read == _contents(again.path)
    assert done.files == {path: len(data) for path, data in read.items()}
    manifest = json.loads(read.pop("digits.package.mcuq.json"))
    assert manifest["files"] == {path: sha256(data) for path, data in sorted(read.items())}
    kernels = {p.name for p in (two_folders["digits"] / "src").iterdir()}
    if package_format != "single-file":
        assert kernels <= {path.rpartition("/")[2] for path in read}
    # Again into the same place: it is replaced.
    assert package_firmware(two_folders["sunspots"], package_format, tmp_path / "a", INFO).name == "sunspots"
    assert not list((tmp_path / "a").rglob("*digits*"))


@pytest.mark.parametrize("package_format", list(LAYOUTS))
def test_package_archive_holds_the_folder(two_folders, tmp_path, package_format):
    layout = LAYOUTS[package_format]
    folder = package_firmware(two_folders["digits"], package_format, tmp_path / "x", INFO).path
    archive = tmp_path / f"digits{layout.archive}"
    package_firmware(two_folders["digits"], package_format, archive, INFO)
    first = archive.read_bytes()
    package_firmware(two_folders["digits"], package_format, archive, INFO)
    assert archive.read_bytes() == first
    prefix = "digits/" if layout.is_in_folder else ""
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        found = {name.removeprefix(prefix): opened.read(name) for name in opened.namelist()}
    assert found == _contents(folder)


def test_package_of_arduino_has_its_properties_and_a_sketch(two_folders, tmp_path):
    path = packages(two_folders, tmp_path, "arduino")["digits"]
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string("[library]\n" + (path / "library.properties").read_text())
    found = dict(parser["library"])
    required = "name version author maintainer sentence paragraph category url architectures".split()
    assert set(required) <= set(found)
    assert all(found[key] for key in required)
    assert (found["name"], found["version"], found["includes"]) == ("digits", "1.2.3", "digits.h")
    # A sketch has the name of its folder; only headers for sketches lie in the root of src.
    assert (path / "examples" / "minimal" / "minimal.ino").is_file()
    assert {p.name for p in (path / "src").iterdir()} == {
        "digits",
        "digits.h",
        "digits_arena.h",
        "digits_quantize.h",
    }


def test_package_of_arduino_sketch_runs(two_folders, tmp_path):
    require("c++")
    path = packages(two_folders, tmp_path, "arduino")["digits"]
    sketch = (path / "examples" / "minimal" / "minimal.ino").read_text()
    main = tmp_path / "main.cpp"
    main.write_text(ARDUINO + sketch + "\nint main() { setup(); loop(); return 0; }\n")
    objects = []
    for source in (path / "src").rglob("*.c"):
        objects.append(tmp_path / f"{source.stem}.o")
        run("cc", "-std=c99", *HOST, f"-I{path / 'src'}", "-c", source, "-o", objects[-1])
    include = [f"-I{path / 'src'}", f"-I{path / 'examples' / 'minimal'}"]
    run("c++", "-std=c++11", *HOST, *include, main, *objects, "-o", tmp_path / "sketch")
    assert "digits: outputs as proven" in run(tmp_path / "sketch")


def test_package_of_platformio_has_its_manifest(two_folders, tmp_path):
    path = packages(two_folders, tmp_path, "platformio")["digits"]
    document = json.loads((path / "library.json").read_text())
    assert (document["name"], document["version"], document["headers"]) == ("digits", "1.2.3", "digits.h")
    for folder in document["build"].values():
        assert (path / folder).is_dir()
    (example,) = document["examples"]
    assert all((path / example["base"] / file).is_file() for file in example["files"])


def test_package_of_platformio_is_packed_by_its_packager(two_folders, tmp_path, monkeypatch):
    if shutil.which("pio") is None:
        pytest.skip("'pio' is not installed")
    monkeypatch.setenv("PLATFORMIO_SETTING_ENABLE_TELEMETRY", "no")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "core"))
    path = packages(two_folders, tmp_path, "platformio")["digits"]
    run("pio", "pkg", "pack", path, "--output", tmp_path / "digits.tar.gz")
    assert (tmp_path / "digits.tar.gz").stat().st_size > 10_000


def test_package_of_zephyr_has_its_files(two_folders, tmp_path):
    path = packages(two_folders, tmp_path, "zephyr")["digits"]
    module = (path / "zephyr" / "module.yml").read_text()
    assert module.splitlines() == [
        "name: digits",
        "build:",
        "  cmake: zephyr",
        "  kconfig: zephyr/Kconfig",
        "samples:",
        "  - samples",
    ]
    for file in (
        "zephyr/CMakeLists.txt",
        "zephyr/Kconfig",
        "samples/minimal/prj.conf",
        "samples/minimal/sample.yaml",
    ):
        assert (path / file).is_file()


def test_package_of_zephyr_has_options_that_kconfig_takes(two_folders, tmp_path):
    kconfiglib = pytest.importorskip("kconfiglib", reason="'kconfiglib' is not installed")
    found = packages(two_folders, tmp_path, "zephyr")
    root = tmp_path / "Kconfig"
    sources = "".join(f'source "{path}/zephyr/Kconfig"\n' for path in found.values())
    root.write_text(f"config ARCH_POSIX\n\tbool\n\tdefault y\n{sources}")
    options = kconfiglib.Kconfig(str(root), warn_to_stderr=False)
    assert not options.warnings
    assert options.syms["MCUQ_DIGITS_C_FORMS"].str_value == "n"
    options.syms["MCUQ_DIGITS"].set_value(2)
    assert options.syms["MCUQ_DIGITS_C_FORMS"].str_value == "y"
    assert options.syms["MCUQ_SUNSPOTS_C_FORMS"].str_value == "n"


def test_package_of_cmsis_has_components_that_differ(two_folders, tmp_path):
    components = set()
    for name, path in packages(two_folders, tmp_path, "cmsis-pack").items():
        root = ElementTree.parse(path / f"acme.{name}.pdsc").getroot()
        assert [root.findtext(key) for key in ("vendor", "name", "url")] == ["acme", name, INFO.url]
        assert [each.attrib["version"] for each in root.iter("release")] == ["1.2.3"]
        (component,) = root.iter("component")
        components.add(tuple(component.attrib[key] for key in ("Cclass", "Cgroup", "Csub", "Cversion")))
    assert len(components) == 2
