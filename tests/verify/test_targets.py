import pytest

from mcuq import resources
from mcuq.boards import read_board
from mcuq.errors import Exit, McuqError
from mcuq.kernels.registry import isa_variants
from mcuq.memories import AddressRange
from mcuq.resources import targets_dir, templates_dir
from mcuq.targets import FEATURES, list_targets, load_target, read_core

CORES = [f"cortex-{name}" for name in ("m0plus", "m3", "m33", "m4", "m55", "m7")] + ["host", "rv32imc"]


def test_targets_lists_cores_then_boards():
    targets = list_targets()
    boards = [each.name for each in targets if each.board]
    assert [each.name for each in targets][: len(CORES)] == CORES
    assert boards == sorted(boards)
    assert {"nucleo-l4r5zi", "rp2040", "nrf52840-dk", "microbit-v1", "stm32f746g-disco"} <= set(boards)


@pytest.mark.parametrize("target", list_targets(), ids=lambda each: each.name)
def test_targets_are_complete(target):
    core = target.core
    assert core.source
    assert core.isa[-1] == "portable"
    assert set(core.features) <= set(FEATURES)
    for isa in core.isa:
        assert isa_variants(isa), f"mcuq/kernels/{isa} has no variants"
        assert (targets_dir() / isa / "kernels").is_dir()
    assert target.name == (target.board.name if target.board else core.name)
    if target.board:
        assert target.board.source
        assert target.board.clock_hz >= 1_000_000
        assert (target.board.flash.kind, target.flash_bytes) == ("flash", target.board.flash.range.bytes)
        assert target.board.ram.range.bytes == target.ram_bytes
        assert target is load_target(target.name)


def test_targets_board_has_memories_and_its_core():
    target = load_target("nucleo-l4r5zi")
    assert target.core.name == "cortex-m4"
    assert (target.flash_bytes, target.ram_bytes) == (2 << 20, 640 << 10)
    assert target.board.clock_hz == 120_000_000
    assert target is load_target("nucleo-l4r5zi")


def test_targets_core_alone_has_no_limits():
    target = load_target("cortex-m7")
    assert target.board is None
    assert (target.flash_bytes, target.ram_bytes) == (None, None)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("cortex-m5", "did you mean 'cortex-m55'?"),
        ("NRF52840-DK", "did you mean 'nrf52840-dk'?"),
        ("z80", "name one of these"),
        ("../cores/host", "name one of these"),
        ("", "name one of these"),
    ],
)
def test_targets_unknown_name_is_refused(name, fix):
    with pytest.raises(McuqError) as caught:
        load_target(name)
    (problem,) = caught.value.problems
    assert problem.code == "O002"
    assert caught.value.exit_code == Exit.USAGE
    assert f"unknown target '{name}'" == problem.title
    assert "rp2040" in problem.why
    assert fix == problem.fix


def test_targets_unknown_machine_is_refused():
    with pytest.raises(McuqError, match=r"error\[O001\]") as caught:
        load_target("cortex-m0plus").core.machine("lm3s6965evb")
    assert "microbit, mps2-an385" in caught.value.problems[0].why


CORE = (targets_dir() / "cores" / "cortex-m0plus.toml").read_text("utf-8")
BOARD = (targets_dir() / "boards" / "rp2040.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('arch = "arm"', 'arch = "z80"', "arch is 'z80'"),
        ('arch = "arm"', "", "'arch' is missing"),
        ('arch = "arm"', 'arch = "arm"\nendian = "big"', "unknown keys: endian"),
        ("features = []", 'features = ["simd"]', "features are simd"),
        ("features = []", "features = 3", "'features' has to be a list of texts"),
        ("features = []", "features = [3]", "'features' has to be a list of texts"),
        ('name = "microbit"', "name = 5", "'name' has to be a text"),
        ('qemu = "microbit"', 'qemu = "microbit"\nram2 = 5', "unknown keys: ram2"),
        ("bytes = 0x00004000", "bytes = -1", "'bytes' has to be a whole number"),
        ("bytes = 0x00004000", "bytes = 4.5", "'bytes' has to be a whole number"),
        ("bytes = 0x00004000", "bytes = true", "'bytes' has to be a whole number"),
        ("bytes = 0x00004000", "bytes = 1, cached = true", "unknown keys: cached"),
        ("flash = {", "flash = 3 #", "'flash' has to be a table"),
        ('arch = "arm"', 'arch = "host"', "a core has machines unless it is the host"),
        ('arch = "arm"', "arch = ", "Invalid value"),
    ],
)
def test_targets_core_file_is_checked(tmp_path, old, new, why):
    path = tmp_path / "odd.toml"
    path.write_text(CORE.replace(old, new, 1), "utf-8")
    with pytest.raises(McuqError, match=r"error\[T005\]") as caught:
        read_core(path)
    assert why in caught.value.problems[0].why


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('size = "264K"', "", "memory 2: 'size' is missing"),
        ('size = "264K"', 'size = "264 K"', "memory 2: 'size' has to be a positive number of bytes"),
        ("clock_hz", "clock", "'clock_hz' is missing"),
        ("clock_hz", "voltage = 3\nclock_hz", "unknown keys: voltage"),
    ],
)
def test_targets_board_file_is_checked(tmp_path, old, new, why):
    path = tmp_path / "odd.toml"
    path.write_text(BOARD.replace(old, new, 1), "utf-8")
    with pytest.raises(McuqError, match=r"error\[T005\]") as caught:
        read_board(path)
    assert any(why in problem.why for problem in caught.value.problems)


FIRST = "= 8\nprefetch = false\ncode_cache = { lines = 32, line_bytes = 32"
SHORT_LINES = "= 16\nprefetch = false\ncode_cache = { lines = 32, line_bytes = 8"
MODES = (targets_dir() / "boards" / "nucleo-l4r5zi.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("wait_states = 5\nread_bytes", "read_bytes", "'wait_states' is missing"),
        ("read_bytes = 8", "read_bytes = 12", "'read_bytes' is 12"),
        ("prefetch = false", "prefetch = 0", "'prefetch' has to be true or false"),
        ("prefetch = false", "prefetch = false\nbanks = 2", "unknown keys: banks"),
        ('name = "64-prefetch"', 'name = "64"', "have one name"),
        ("lines = 32, line_bytes = 32", "lines = 32, line_bytes = 4", "'line_bytes' is 4"),
        ("lines = 32, line_bytes = 32", "lines = 32, line_bytes = 128", "'line_bytes' is 128"),
        (
            "= 8\nprefetch = false\ncode_cache = { lines = 32, line_bytes = 32",
            SHORT_LINES,
            "shorter than a read",
        ),
        ("lines = 32, line_bytes = 32", "lines = 0, line_bytes = 32", "0 lines in sets of 0"),
        ("lines = 32, line_bytes = 32", "lines = 30, line_bytes = 32, ways = 4", "30 lines in sets of 4"),
        ("lines = 32, line_bytes = 32", "lines = 99999, line_bytes = 32", "99999 lines"),
        ("flash_source", "flash_sources", "'flash_source' is missing"),
    ],
)
def test_targets_flash_modes_are_checked(tmp_path, old, new, why):
    path = tmp_path / "odd.toml"
    assert old in MODES
    path.write_text(MODES.replace(old, new, 1), "utf-8")
    with pytest.raises(McuqError, match=r"error\[T005\]") as caught:
        read_board(path)
    assert any(why in problem.why for problem in caught.value.problems)


def test_targets_first_flash_mode_is_the_default():
    board = load_target("nucleo-l4r5zi").board
    assert board.flash_mode(None).name == "64"
    assert board.flash_mode("128").read_bytes == 16
    assert load_target("rp2040").board.flash_mode(None) is None


def test_targets_missing_file_is_an_error(tmp_path):
    with pytest.raises(McuqError, match=r"error\[O012\]"):
        read_core(tmp_path / "nothing.toml")


def test_targets_board_of_unknown_core_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "cores").mkdir()
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "odd.toml").write_text(BOARD, "utf-8")
    monkeypatch.setattr("mcuq.targets.targets_dir", lambda: tmp_path)
    with pytest.raises(McuqError, match=r"error\[T005\]"):
        list_targets()


def test_region_holds_what_lies_inside():
    region = AddressRange(0x100, 0x10)
    assert [region.holds(*each) for each in [(0x100, 16), (0x10F, 1), (0x10F, 2), (0xFF, 1)]] == [
        True,
        True,
        False,
        False,
    ]


def test_resources_finds_a_checkout():
    assert (targets_dir() / "cores" / "host.toml").is_file()
    assert templates_dir().is_dir()


def test_resources_finds_a_wheel_before_a_neighbour(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "mcuq"
    (package / "_data" / "targets").mkdir(parents=True)
    (package.parent / "targets").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert package / "_data" / "targets" == targets_dir()
    with pytest.raises(McuqError, match=r"error\[I001\].*'templates' is missing"):
        templates_dir()
