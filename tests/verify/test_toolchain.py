import sys

import pytest

from mcuq.errors import Exit, McuqError
from mcuq.resources import targets_dir
from mcuq.targets import list_targets, load_target
from mcuq.verify import toolchain as module
from mcuq.verify.image import build_image, linker_script, support_include_dirs
from mcuq.verify.toolchain import find_toolchain, zig_cache_dir
from tests.tools import require, require_compiler

CORES = [each.core for each in list_targets() if each.board is None]
HOST = load_target("host").core
M0PLUS = load_target("cortex-m0plus").core
M4 = load_target("cortex-m4").core
M55 = load_target("cortex-m55").core


def write(folder, **files):
    paths = []
    for name, text in files.items():
        paths.append(folder / f"{name}.c")
        paths[-1].write_text(text, "utf-8")
    return paths


def refused(code, call, *args, **kwargs):
    with pytest.raises(McuqError) as caught:
        call(*args, **kwargs)
    assert [code] * len(caught.value.problems) == [each.code for each in caught.value.problems]
    return str(caught.value)


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", CORES, ids=lambda each: each.name)
def test_toolchain_compiles_the_support_code_without_a_warning(core, kind, tmp_path):
    require_compiler(core, kind)
    folder = targets_dir() / "support"
    names = ["io_host"] if core.is_host else [f"startup_{core.arch}", "io_semihosting", "memory"]
    toolchain = find_toolchain(core, kind)
    objects = toolchain.compile(
        [folder / f"{name}.c" for name in names],
        workdir=tmp_path,
        include_dirs=support_include_dirs(core),
        extra_flags=["-fno-builtin"],
        warnings=True,
    )
    assert [f"{index:03d}_{name}.o" for index, name in enumerate(names)] == [each.name for each in objects]
    assert sorted(objects) == sorted(tmp_path.iterdir())


MACROS = {
    "divide": "__ARM_FEATURE_IDIV",
    "dsp": "__ARM_FEATURE_DSP",
    "fpu": "__ARM_FP",
    "mve": "__ARM_FEATURE_MVE",
    "unaligned": "__ARM_FEATURE_UNALIGNED",
}


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize("core", [each for each in CORES if each.arch == "arm"], ids=lambda each: each.name)
def test_toolchain_compiles_for_the_features_of_the_core(core, kind, tmp_path):
    require_compiler(core, kind)
    text = "int nothing;\n"
    for feature, macro in MACROS.items():
        sign = "!" if feature in core.features else ""
        text += f"#if {sign}defined({macro})\n#error {feature}\n#endif\n"
    find_toolchain(core, kind).compile(write(tmp_path, features=text), workdir=tmp_path)


def test_toolchain_says_what_it_is():
    require("arm-none-eabi-gcc")
    require("ziglang")
    gcc, zig = find_toolchain(M4), find_toolchain(M4, "zig")
    assert (gcc.name, gcc.flavour) == ("arm-none-eabi-gcc", "gcc")
    assert gcc.version == str(gcc)
    assert gcc.version.startswith("arm-none-eabi-gcc (")
    assert f"zig ({zig.version})" == str(zig)
    assert (zig.name, zig.flavour) == ("zig", "zig")
    assert zig.version[0].isdigit()


def test_toolchain_falls_back_to_zig(monkeypatch, tmp_path):
    require("ziglang")
    monkeypatch.setenv("PATH", str(tmp_path))
    for core in CORES:
        assert find_toolchain(core).name == "zig"


@pytest.mark.parametrize(
    ("kind", "looked", "fix"),
    [
        ("auto", "arm-none-eabi-gcc, zig", "apt install gcc-arm-none-eabi"),
        ("gcc", "arm-none-eabi-gcc", "apt install gcc-arm-none-eabi"),
        ("zig", "zig", 'pip install "mcuq[verify]"'),
    ],
)
def test_toolchain_missing_is_refused(monkeypatch, tmp_path, kind, looked, fix):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_zig", lambda: None)
    text = refused("T002", find_toolchain, M4, kind)
    assert f"why:   looked for {looked}\n" in text
    assert fix in text


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_shows_all_refused_files(tmp_path, kind):
    require_compiler(M4, kind)
    sources = write(
        tmp_path,
        good="int good(void);\nint good(void) { return 1; }\n",
        bad="int bad(void) { return oops; }\n",
        worse="int worse(void) { return }\n",
    )
    text = refused("T003", find_toolchain(M4, kind).compile, sources, workdir=tmp_path)
    assert [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("error[T003]")] == [
        "cannot compile 'bad.c'",
        "cannot compile 'worse.c'",
    ]
    assert "oops" in text


@pytest.mark.parametrize("kind", ["gcc", "zig"])
@pytest.mark.parametrize(
    "line",
    [
        "signed char narrow(int x) { return x; }",
        "int shadow(int x) { { int x = 1; return x; } }",
        "int loose() { return 1; }",
        "char *cast(const char *x) { return (char *)x; }",
        "int unused(int x) { return 1; }",
        "#if NOT_DEFINED\n#endif\nint undefined_macro;",
    ],
)
def test_toolchain_warnings_are_errors_when_asked(tmp_path, kind, line):
    require_compiler(M4, kind)
    toolchain = find_toolchain(M4, kind)
    sources = write(tmp_path, odd=line + "\n")
    toolchain.compile(sources, workdir=tmp_path)
    refused("T003", toolchain.compile, sources, workdir=tmp_path, warnings=True)


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_passes_defines_and_equal_names(tmp_path, kind):
    require_compiler(HOST, kind)
    text = '#include "mcuq_harness_io.h"\n#if !defined(BARE) || VALUE != 5\n#error no\n#endif\n'
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sources = write(tmp_path / "a", same=text + "int main(void) { return 0; }\n")
    sources += write(tmp_path / "b", same=text)
    image = build_image(
        HOST, find_toolchain(HOST, kind), sources, workdir=tmp_path / "w", defines={"BARE": "", "VALUE": "5"}
    )
    assert image.path.is_file()


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_shows_undefined_symbols(tmp_path, kind):
    require_compiler(M4, kind)
    sources = write(tmp_path, main="int nowhere(void);\nint main(void) { return nowhere(); }\n")
    text = refused("T003", build_image, M4, find_toolchain(M4, kind), sources, workdir=tmp_path)
    assert "cannot link 'image.elf'" in text
    assert "nowhere" in text


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_linker_enforces_the_memories(tmp_path, kind):
    require_compiler(M0PLUS, kind)
    toolchain = find_toolchain(M0PLUS, kind)
    text = "static volatile unsigned char big[SIZE];\nint main(void) { return big[SIZE - 1]; }\n"
    sources = write(tmp_path, main=text)

    def build(size, **options):
        return build_image(
            M0PLUS, toolchain, sources, workdir=tmp_path, defines={"SIZE": str(size)}, **options
        )

    assert build(9 << 10).machine.name == "microbit"
    assert build(15 << 10).machine.name == "mps2-an385"
    report = refused("T001", build, 15 << 10, machine="microbit")
    assert "too large: RAM by 1_" in report
    assert "RAM by" in refused("T001", build, 5 << 20)
    limited = build(12 << 10, ram_bytes=15 << 10)
    assert (limited.machine.name, limited.machine.ram.bytes) == ("microbit", 15 << 10)
    assert "RAM by" in refused("T001", build, 15 << 10, ram_bytes=16 << 10)
    assert "FLASH by" in refused("T001", build, 16, flash_bytes=256)
    assert "RAM by" in refused("T001", build, 12 << 10, stack_bytes=8 << 10, ram_bytes=16 << 10)
    assert module._too_large(tmp_path, {"RAM": "1"}).exit_code == Exit.DOES_NOT_FIT


def test_toolchain_script_names_the_memories():
    script = linker_script(M55.machine("mps3-an547-ddr"), stack_bytes=4096)
    assert "BOOT (rx) : ORIGIN = 0x00000000, LENGTH = 0x80000" in script
    assert "FLASH (rx) : ORIGIN = 0x60000000, LENGTH = 0x800000" in script
    assert ". += 4096;" in script
    assert "BOOT" not in linker_script(M4.machines[0])


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_builds_are_repeatable(tmp_path, kind):
    require_compiler(M4, kind)
    images = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        sources = write(tmp_path / name, main="int main(void) { return 3; }\n")
        image = build_image(M4, find_toolchain(M4, kind), sources, workdir=tmp_path / name / "w")
        images.append(image.path.read_bytes())
    assert images[0] == images[1]


@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_toolchain_knows_memcpy_in_freestanding_code(tmp_path, kind):
    require_compiler(M4, kind)
    text = "#include <string.h>\nint f(const char *p);\n"
    text += "int f(const char *p) { int v; memcpy(&v, p, 4); return v; }\n"
    (path,) = find_toolchain(M4, kind).compile(
        write(tmp_path, load=text), workdir=tmp_path, include_dirs=support_include_dirs(M4), warnings=True
    )
    assert b"memcpy" not in path.read_bytes()


def test_toolchain_refuses_sanitizers_it_does_not_have(tmp_path):
    require("ziglang")
    for core in (HOST, M4):
        toolchain = find_toolchain(core, "zig")
        text = refused("T002", toolchain.compile, [], workdir=tmp_path, sanitize=["address", "undefined"])
        assert "sanitizer 'address' is not available" in text


def test_toolchain_zig_leaves_the_current_folder_alone(tmp_path, monkeypatch):
    require("ziglang")
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    (source,) = write(tmp_path, main="int main(void) { return 3; }\n")
    find_toolchain(M4, "zig").compile([source], workdir=tmp_path)
    assert list(current.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="XDG_CACHE_HOME is not Windows'")
def test_toolchain_zig_cache_survives_an_unwritable_home(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    zig_cache_dir.cache_clear()
    try:
        folder = zig_cache_dir()
        assert tmp_path == folder.parent
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        zig_cache_dir.cache_clear()


def test_toolchain_keeps_the_users_zig_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", "/somewhere")
    assert module._environment("zig", tmp_path)["ZIG_GLOBAL_CACHE_DIR"] == "/somewhere"
    assert "ZIG_LOCAL_CACHE_DIR" not in module._environment("gcc", tmp_path)


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_tools_missing_is_a_failure_in_ci(monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="'no-such-tool' is"):
        require("no-such-tool")
