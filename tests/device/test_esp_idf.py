"""Projects of ESP-IDF: their own build files run under CMake with stand-ins for its functions."""

import subprocess

import pytest

from tests.cli.runner import refused, run
from tests.tools import require

STORED = "digits_mcuq/digits.mcuq.npz"
BOARD = "esp32-c3-devkitm-1"
# ESP-IDF's project() adds main and every component, and an application that begins in app_main.
PROJECT = """
set(here "${CMAKE_CURRENT_LIST_DIR}")
macro(idf_component_register)
  cmake_parse_arguments(IDF "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;REQUIRES" ${ARGN})
  get_filename_component(component ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(COMPONENT_LIB __idf_${component})
  add_library(${COMPONENT_LIB} STATIC ${IDF_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${IDF_INCLUDE_DIRS})
  target_include_directories(${COMPONENT_LIB} PRIVATE ${IDF_PRIV_INCLUDE_DIRS} ${here})
  target_compile_definitions(${COMPONENT_LIB} PRIVATE MCUQ_C_FORMS)
  foreach(each ${IDF_REQUIRES})
    target_link_libraries(${COMPONENT_LIB} PUBLIC __idf_${each})
  endforeach()
endmacro()
macro(project name)
  _project(${name} C)
  file(GLOB found components/*)
  foreach(each ${found} ${CMAKE_CURRENT_SOURCE_DIR}/main)
    add_subdirectory(${each})
  endforeach()
  add_executable(${name} ${here}/start.c)
  target_link_libraries(${name} PRIVATE __idf_main)
endmacro()
"""
ESP_CPU = """#include <stdint.h>
static inline uint32_t esp_cpu_get_cycle_count(void) { static uint32_t now; return now += 100U; }
"""
START = "void app_main(void);\nint main(void)\n{\n    app_main();\n    return 0;\n}\n"
# Enough of a C library's header to compile for the core.
STDIO = "#define stdout 0\nint fputs(const char *, void *);\nint fflush(void *);\n"


@pytest.fixture
def place(firmware, monkeypatch):
    """The current folder, with firmware for the chip and a project in it."""
    monkeypatch.chdir(firmware.parent)
    _build("esp32c3", "chip")
    assert run("selftest", "chip", "--machine", "esp32c3", "--output", "project").code == 0
    return firmware.parent


def _build(target, output, *arguments):
    command = ("build", STORED, "--target", target, "--output", output, "--name", "digits", *arguments)
    done = run(*command, "--verify", "none")
    assert done.code == 0, done.err


def _program(place, monkeypatch, *arguments):
    require("cmake")
    idf = place / "idf"
    (idf / "tools/cmake").mkdir(parents=True, exist_ok=True)
    for name, text in (("project.cmake", PROJECT), ("esp_cpu.h", ESP_CPU), ("start.c", START)):
        (idf / "tools/cmake" / name).write_text(text)
    monkeypatch.setenv("IDF_PATH", str(idf))
    flags = "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"
    for command in (["cmake", "-S", "project", "-B", "out", flags, *arguments], ["cmake", "--build", "out"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    return subprocess.run(["out/digits_selftest"], capture_output=True, text=True, timeout=60).stdout


def test_project_of_esp_idf_builds_and_is_right(place, monkeypatch):
    log = _program(place, monkeypatch)
    assert "mcuq-cycles" not in log
    (place / "log.txt").write_text("I (31) boot: ESP-IDF\r\n" + log)
    assert run("compare", "log.txt", "chip").code == 0
    log = _program(place, monkeypatch, "-DBENCH=1")
    assert "mcuq-timer mpccr" in log
    (place / "log.txt").write_text(log)
    assert run("compare", "log.txt", "chip").code == 0


def test_project_of_esp_idf_notices_a_changed_weight(place, monkeypatch):
    source = place / "project/components/digits/src/digits.c"
    text = source.read_text()
    source.write_text(text.replace(".in_c = 48,", ".in_c = 47,"))
    assert source.read_text() != text
    (place / "log.txt").write_text(_program(place, monkeypatch))
    refused(run("compare", "log.txt", "chip"), 4, "V005")


def test_project_of_esp_idf_compiles_for_the_core(place):
    require("riscv64-unknown-elf-gcc")
    headers = place / "headers"
    headers.mkdir()
    (headers / "stdio.h").write_text(STDIO)
    (headers / "esp_cpu.h").write_text(ESP_CPU)
    (headers / "string.h").write_text("#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n")
    component = place / "project/components/digits"
    flags = [
        "-march=rv32imc",
        "-mabi=ilp32",
        "-O2",
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-ffreestanding",
    ]
    includes = [f"-I{each}" for each in (headers, component / "include", place / "project/main")]
    sources = [*(place / "project/main").glob("*.c")]
    assert len(sources) == 4
    for source in sources:
        main = ["-Dmain=mcuq_selftest_main"] if source.name == "selftest.c" else []
        options = [*flags, *includes, *main, "-DDIGITS_TRACE", "-DMCUQ_BENCH"]
        command = ["riscv64-unknown-elf-gcc", *options, "-c", source, "-o", place / "x.o"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_project_of_esp_idf_has_room_for_the_stack(place):
    text = (place / "project/sdkconfig.defaults").read_text()
    header = (place / "chip/include/digits.h").read_text()
    (needed,) = (int(line.split()[2]) for line in header.splitlines() if "_STACK_BYTES " in line)
    (given,) = (int(line.split("=")[1]) for line in text.splitlines() if "STACK_SIZE" in line)
    assert given >= needed + 2048
    assert 'CONFIG_IDF_TARGET="esp32c3"' in text
    assert "idf.py set-target esp32c3" in (place / "project/README.md").read_text()


def test_project_of_esp_idf_is_refused_where_it_cannot_be(place):
    text = refused(run("selftest", "digits_mcuq", "--machine", BOARD, "--output", "other"), 2, "O013")
    assert "--target rv32imc" in text
    _build(BOARD, "placed", "--place", "weights=sram")
    text = refused(run("selftest", "placed", "--machine", BOARD, "--output", "other"), 2, "O013")
    assert "those of ESP-IDF" in text
    assert not (place / "other").exists()
    # It replaces a project of its own, and nothing else.
    assert run("selftest", "chip", "--machine", BOARD, "--output", "project").code == 0
    (place / "project/mine.txt").write_text("mine")
    refused(run("selftest", "chip", "--machine", BOARD, "--output", "project"), 2, "O010")
