"""Where each ecosystem wants the files of a library, and which files of its own it asks for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, TypeAlias

PackageFormat: TypeAlias = Literal[
    "cmake", "arduino", "platformio", "zephyr", "esp-idf", "cmsis-pack", "single-file"
]


@dataclasses.dataclass(frozen=True, slots=True)
class PackageLayout:
    """The layout of one format. Paths may hold `{name}` and `{vendor}`.

    Args:
        public: folder of the headers that applications include.
        private: folder of the sources and of the headers that they alone include.
        example: folder of the example's header.
        files: template below `templates/package` by path.
        archive: what the name of an archive ends in.
        is_in_folder: whether the archive holds one folder with the files, or the files.
        is_one_pair: whether all C becomes one header and one source.
    """

    public: str
    private: str
    example: str
    files: Mapping[str, str]
    archive: str = ".zip"
    is_in_folder: bool = True
    is_one_pair: bool = False


LAYOUTS: Mapping[PackageFormat, PackageLayout] = {
    "cmake": PackageLayout(
        "include",
        "src",
        "examples",
        {
            "CMakeLists.txt": "cmake/CMakeLists.txt.j2",
            "cmake/{name}Config.cmake.in": "cmake/Config.cmake.in.j2",
            "examples/main.c": "main.c.j2",
        },
    ),
    "arduino": PackageLayout(
        "src",
        "src/{name}",
        "examples/minimal",
        {
            "library.properties": "arduino/library.properties.j2",
            "examples/minimal/minimal.ino": "arduino/minimal.ino.j2",
        },
    ),
    "platformio": PackageLayout(
        "include",
        "src",
        "examples/minimal/src",
        {
            "library.json": "platformio/library.json.j2",
            "examples/minimal/platformio.ini": "platformio/platformio.ini.j2",
            "examples/minimal/src/main.c": "main.c.j2",
        },
    ),
    "zephyr": PackageLayout(
        "include",
        "src",
        "samples/minimal/src",
        {
            "zephyr/module.yml": "zephyr/module.yml.j2",
            "zephyr/Kconfig": "zephyr/Kconfig.j2",
            "zephyr/CMakeLists.txt": "zephyr/CMakeLists.txt.j2",
            "samples/minimal/CMakeLists.txt": "zephyr/sample_CMakeLists.txt.j2",
            "samples/minimal/prj.conf": "zephyr/prj.conf.j2",
            "samples/minimal/sample.yaml": "zephyr/sample.yaml.j2",
            "samples/minimal/src/main.c": "main.c.j2",
        },
    ),
    "esp-idf": PackageLayout(
        "include",
        "src",
        "examples/minimal/main",
        {
            "CMakeLists.txt": "esp-idf/CMakeLists.txt.j2",
            "idf_component.yml": "esp-idf/idf_component.yml.j2",
            "examples/minimal/CMakeLists.txt": "esp-idf/project_CMakeLists.txt.j2",
            "examples/minimal/main/CMakeLists.txt": "esp-idf/main_CMakeLists.txt.j2",
            "examples/minimal/main/main.c": "esp-idf/main.c.j2",
        },
    ),
    "cmsis-pack": PackageLayout(
        "include",
        "src",
        "examples",
        {
            "{vendor}.{name}.pdsc": "cmsis-pack/pack.pdsc.j2",
            "examples/main.c": "main.c.j2",
        },
        archive=".pack",
        is_in_folder=False,
    ),
    "single-file": PackageLayout("", "", "examples", {"examples/main.c": "main.c.j2"}, is_one_pair=True),
}
