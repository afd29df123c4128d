"""Projects with several packages in them, made as each ecosystem's build system makes them.

Where a build system is CMake with functions of the ecosystem's own, those stand here in a few lines,
so that the packages' own build files run; where it is a list of folders to compile, so it is here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.tools import require

HOST = ["-DMCUQ_C_FORMS", "-Wall", "-Wextra", "-Werror"]

ZEPHYR = """
add_library(zephyr_interface INTERFACE)
target_link_libraries(app PRIVATE zephyr_interface)
macro(zephyr_library_named name)
  add_library(${name} STATIC)
  target_link_libraries(${name} PRIVATE zephyr_interface)
  target_link_libraries(app PRIVATE ${name})
  set(ZEPHYR_CURRENT_LIBRARY ${name})
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
function(zephyr_library_compile_definitions_ifdef feature)
  if(${feature})
    target_compile_definitions(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
  endif()
endfunction()
function(zephyr_include_directories)
  target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
"""

ESP_IDF = """
function(idf_component_register)
  cmake_parse_arguments(IDF "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS" ${ARGN})
  get_filename_component(component ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_library(__idf_${component} STATIC ${IDF_SRCS})
  target_include_directories(__idf_${component} PUBLIC ${IDF_INCLUDE_DIRS} PRIVATE ${IDF_PRIV_INCLUDE_DIRS})
  target_compile_definitions(__idf_${component} PRIVATE MCUQ_C_FORMS)
  target_link_libraries(app PRIVATE __idf_${component})
endfunction()
"""

ARDUINO = """
#include <cstdio>
#include <cstring>
#define OUT(type, format) static void print(type x) { std::printf(format, x); } \\
  static void println(type x) { print(x); std::puts(""); }
struct Port { static void begin(long) {} operator bool() const { return true; }
  OUT(const char *, "%s") OUT(unsigned long, "%lu") };
static Port Serial;
static unsigned long millis() { return 0; }
static unsigned long micros() { return 0; }
"""


def run(*command: object, cwd: Path | None = None) -> str:
    """What a program that succeeds prints."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(folder: Path, main: Path, sources: Sequence[Path], include: Sequence[Path]) -> Path:
    """A program for this computer, each source by itself."""
    require("cc")
    flags = [*HOST, *(f"-I{each}" for each in include)]
    objects = []
    for number, source in enumerate([main, *sources]):
        standard = "-std=c99" if source.suffix == ".c" else "-std=c++11"
        objects.append(folder / f"{number}.o")
        run("cc" if source.suffix == ".c" else "c++", standard, *flags, "-c", source, "-o", objects[-1])
    run("cc", *objects, "-o", folder / "program")
    return folder / "program"


def with_cmake(folder: Path, text: str) -> Path:
    """A program of the project `text`."""
    require("cmake")
    (folder / "CMakeLists.txt").write_text(text)
    build = folder / "build"
    run(
        "cmake",
        "-S",
        folder,
        "-B",
        build,
        "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror",
    )
    run("cmake", "--build", build)
    return build / "app"


HEAD = "cmake_minimum_required(VERSION 3.14)\nproject(application C)\nadd_executable(app main.c)\n"


def cmake_added(folder: Path, packages: Mapping[str, Path]) -> Path:
    """With each package's folder added to the project, which joins its own sources."""
    text = HEAD.replace("add_exe", "set(CMAKE_UNITY_BUILD ON)\nadd_exe")
    for name, path in packages.items():
        text += f"set({name.upper()}_C_FORMS ON)\nadd_subdirectory({path} {name})\n"
        text += f"target_include_directories(app PRIVATE {path}/examples)\n"
    return with_cmake(folder, f"cmake_policy(SET CMP0077 NEW)\n{text}" + _links(packages))


def cmake_found(folder: Path, packages: Mapping[str, Path]) -> Path:
    """With each package built, installed and found."""
    require("cmake")
    text, prefix = HEAD, folder / "prefix"
    for name, path in packages.items():
        build = folder / f"build_{name}"
        run(
            "cmake",
            "-S",
            path,
            "-B",
            build,
            f"-D{name.upper()}_C_FORMS=ON",
            f"-DCMAKE_INSTALL_PREFIX={prefix}",
        )
        run("cmake", "--build", build)
        run("cmake", "--install", build)
        text += f"find_package({name} 1.0 REQUIRED PATHS {prefix} NO_DEFAULT_PATH)\n"
        text += f"target_include_directories(app PRIVATE {path}/examples)\n"
    return with_cmake(folder, text + _links(packages))


def _links(packages: Mapping[str, Path]) -> str:
    return "".join(f"target_link_libraries(app PRIVATE {name}::{name})\n" for name in packages)


def zephyr(folder: Path, packages: Mapping[str, Path]) -> Path:
    """With each module's build file, as Zephyr adds it."""
    text = HEAD + ZEPHYR
    for name, path in packages.items():
        text += f"set(CONFIG_MCUQ_{name.upper()} y)\nset(CONFIG_MCUQ_{name.upper()}_C_FORMS y)\n"
        text += f"add_subdirectory({path}/zephyr {name})\n"
        text += f"target_include_directories(app PRIVATE {path}/samples/minimal/src)\n"
    return with_cmake(folder, text)


def esp_idf(folder: Path, packages: Mapping[str, Path]) -> Path:
    """With each component's build file, as ESP-IDF adds it."""
    text = HEAD + ESP_IDF
    for name, path in packages.items():
        text += f"add_subdirectory({path} {name})\n"
        text += f"target_include_directories(app PRIVATE {path}/examples/minimal/main)\n"
    return with_cmake(folder, text)


def arduino(folder: Path, packages: Mapping[str, Path]) -> Path:
    """All below `src` of each library, with all of them on the path of includes, and a sketch in C++."""
    include, sources = [folder], []
    for path in packages.values():
        include += [path / "src", path / "examples" / "minimal"]
        sources += sorted((path / "src").rglob("*.c"))
    main = folder / "main.cpp"
    main.write_text((folder / "main.c").read_text())
    return compiled(folder, main, sources, include)


def platformio(folder: Path, packages: Mapping[str, Path]) -> Path:
    """As PlatformIO: `include` and `src` of every library on the path of all."""
    include, sources = [], []
    for path in packages.values():
        include += [path / "include", path / "src", path / "examples" / "minimal" / "src"]
        sources += sorted((path / "src").rglob("*.c"))
    return compiled(folder, folder / "main.c", sources, include)


def cmsis_pack(folder: Path, packages: Mapping[str, Path]) -> Path:
    """The files that the packs' descriptions name."""
    from xml.etree import ElementTree

    include, sources = [], []
    for path in packages.values():
        (pdsc,) = path.glob("*.pdsc")
        for file in ElementTree.parse(pdsc).iter("file"):
            assert (path / file.attrib["name"]).exists()
            if file.attrib["category"] == "include":
                include.append(path / file.attrib["name"])
            elif file.attrib["category"] == "sourceC" and "attr" not in file.attrib:
                sources.append(path / file.attrib["name"])
        include.append(path / "examples")
    return compiled(folder, folder / "main.c", sources, include)


def single_file(folder: Path, packages: Mapping[str, Path]) -> Path:
    """The pairs."""
    sources = [path / f"{name}.c" for name, path in packages.items()]
    include = [each for path in packages.values() for each in (path, path / "examples")]
    return compiled(folder, folder / "main.c", sources, include)


Project = Callable[[Path, Mapping[str, Path]], Path]
PROJECTS: Sequence[tuple[str, Project]] = [
    ("cmake", cmake_added),
    ("cmake", cmake_found),
    ("arduino", arduino),
    ("platformio", platformio),
    ("zephyr", zephyr),
    ("esp-idf", esp_idf),
    ("cmsis-pack", cmsis_pack),
    ("single-file", single_file),
]


def main_of(names: Sequence[str]) -> str:
    """A program that ends with a bit for each example that fails."""
    includes = "".join(f'#include "{name}_example.h"\n' for name in names)
    results = " + ".join(f"{1 << bit} * ({name}_example() != 0)" for bit, name in enumerate(names))
    return f"{includes}\nint main(void)\n{{\n    return {results};\n}}\n"


def exit_code(program: Path) -> int:
    """How a program ends."""
    return subprocess.run([program], env={**os.environ}).returncode
