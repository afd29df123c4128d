"""`--target my_board.toml`: a board of the user's; everything that is wrong in its file is named at once."""

import json
import re

import pytest

import mcuq
from mcuq.targets import load_target
from tests.cli.runner import refused, run
from tests.cli.test_budgets import STORED
from tests.cli.test_build_refusals import build_refused, snapshot

OWN = """
description = "A board of mine"
source = "its data sheet"
core = "cortex-m4"
clock_hz = 48_000_000
aliases = ["mine"]
gcc_flags = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"]
caches = { code = "2K" }
flash_source = "its manual"

[[memories]]
name = "rom"
kind = "flash"
origin = 0x08000000
size = "64K"
wait_states = 2

[[memories]]
name = "ram"
kind = "ram"
origin = 0x20000000
size = 16_384

[[flash_modes]]
name = "slow"
wait_states = 2
read_bytes = 8
prefetch = false
"""


@pytest.fixture
def own(place):
    path = place / "my_board.toml"
    path.write_text(OWN)
    return path


def test_firmware_for_a_board_of_the_users_needs_its_file_no_more(own, place):
    output = place / "own"
    command = ("build", place / STORED, "--output", output, "--target", own, "--verify", "none")
    assert run(*command).code == 0
    own.unlink()
    manifest = json.loads((output / "digits.mcuq.json").read_bytes())
    assert (manifest["target"], manifest["flash"]) == ("my_board", "slow")
    assert manifest["board"]["memories"][0]["size"] == "64K"
    firmware = mcuq.open_firmware(output)
    assert firmware.plan.resolved.board.clock_hz == 48_000_000
    assert "-mfloat-abi=soft" in firmware.plan.resolved.core.gcc_flags
    checked = run("lock", output)
    assert checked.code == 0, checked.err
    assert run("check", place / "digits.mcuq.lock").code == 0


def test_its_memories_are_a_gate(own, place):
    own.write_text(OWN.replace('"64K"', '"8K"').replace("16_384", "1_024"))
    text = build_refused(place, 3, "T001", "T001", model=place / STORED, arguments=("--target", own))
    assert "flash of 'my_board'" in text
    assert "RAM of 'my_board'" in text


def test_it_is_listed_like_the_others(own):
    (one,) = run("targets", own, "--json").json["targets"]
    assert (one["name"], one["flash_bytes"], one["ram_bytes"]) == ("my_board", 65_536, 16_384)
    assert [each["name"] for each in one["memories"]] == ["rom", "ram"]
    assert run("targets", own, "--json").json == run("targets", own.name, "--json").json


def test_other_names_of_a_board_are_its_own(place):
    for alias, name in (("nrf52840", "nrf52840-dk"), ("esp32c3", "esp32-c3-devkitm-1"), ("pico2", "rp2350")):
        assert load_target(alias) is load_target(name)
    output = place / "out"
    command = ("build", place / STORED, "--output", output, "--verify", "none", "--target")
    assert run(*command, "nucleo-u575zi").code == 0
    assert json.loads((output / "digits.mcuq.json").read_bytes())["target"] == "nucleo-u575zi-q"


WRONG = {
    "unknown key": ("clock_hz", "volts = 3\nclock_hz", "unknown keys: volts"),
    "unknown core": ('"cortex-m4"\n', '"cortex-m99"\n', "core 'cortex-m99' does not exist"),
    "the host": ('"cortex-m4"\n', '"host"\n', "core 'host' does not exist"),
    "no clock": ("clock_hz = 48_000_000", "", "'clock_hz' is missing"),
    "a clock that is none": ("48_000_000", "0", "'clock_hz' has to be a whole number"),
    "bad size": ('"64K"', '"64Q"', "memory 1: 'size' has to be a positive number of bytes"),
    "size of nothing": ("16_384", "0", "memory 2: 'size' has to be a positive number of bytes"),
    "size of a fraction": ("16_384", "1.5", "memory 2: 'size' has to be a positive number of bytes"),
    "negative origin": ("0x20000000", "-4", "memory 2: 'origin' has to be a whole number"),
    "beyond the addresses": ("0x20000000", "0xFFFFFF00", "memory 2: it ends beyond 32 bits of address"),
    "negative wait states": (
        "wait_states = 2\n\n",
        "wait_states = -1\n\n",
        "memory 1: 'wait_states' has to be",
    ),
    "unknown kind": ('"ram"\norigin', '"tape"\norigin', "memory 2: 'kind' has to be one of"),
    "no RAM": ('kind = "ram"', 'kind = "flash"', 'no memory is of kind "ram"'),
    "overlapping regions": ("0x20000000", "0x0800F000", "memories 'rom' and 'ram' overlap"),
    "one name twice": ('name = "ram"', 'name = "rom"', "two memories are called 'rom'"),
    "a name for no linker": ('name = "ram"', 'name = "ram;}"', "memory 2: 'name' has to be"),
    "an option that runs code": ('"-mthumb"', '"-fplugin=/tmp/x.so"', "'gcc_flags' has to be a list"),
    "an option with a file": ('"-mthumb"', '"@/etc/passwd"', "'gcc_flags' has to be a list"),
    "a control character": ("A board", "\\u001b[2J", "'description' has to be a text of one line"),
    "caches of nothing": ("{ code", "{ data = -5, code", "caches: 'data' has to be"),
    "a list for a table": ('caches = { code = "2K" }', "caches = [1]", "caches: it has to be a table"),
    "a machine with options": (
        "flash_source",
        'machine = { qemu = "virt,x=y", boot = "rom" }\nflash_source',
        "machine: 'qemu' has to be the name",
    ),
    "a machine without memory": (
        "flash_source",
        'machine = { qemu = "virt", boot = "no" }\nflash_source',
        "machine: 'boot' names no memory",
    ),
    "a mode without reads": ("read_bytes = 8", "read_bytes = 7", "'read_bytes' is 7"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_files_say_what_is_wrong(own, place, name):
    old, new, why = WRONG[name]
    assert old in OWN
    own.write_text(OWN.replace(old, new))
    before = snapshot(place)
    result = run("build", place / STORED, "--target", own, "--output", place / "new")
    assert result.code == 2
    assert why in result.err
    assert set(re.findall(r"error\[(.*?)\]", result.err)) == {"T005"}
    assert snapshot(place) == before


def test_everything_that_is_wrong_is_named_at_once(own, place):
    text = OWN.replace("clock_hz", "clock").replace('"64K"', '"many"').replace('"cortex-m4"\n', '"z80"\n')
    own.write_text(
        text.replace("wait_states = 2\n\n", "wait_states = -2\n\n").replace('"ram"\no', '"sand"\no')
    )
    result = run("targets", own)
    text = refused(result, 2, *("T005",) * 6)
    for why in ("core 'z80'", "'clock_hz' is missing", "unknown keys: clock", "size", "wait_states", "kind"):
        assert why in text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "T005"),
        ("memories = 5", "T005"),
        ("memories = [5]", "T005"),
        ("[[memories]]\n" * 5000, "T005"),
        ("a." * 100 + "a = 1", "T005"),
        ("x = " + "[" * 2000 + "]" * 2000, "T005"),
        ("clock_hz = " + "9" * 300, "T005"),
        ("core = 1979-05-27", "T005"),
        ("\x00", "T005"),
        ("# " + "x" * 400_000, "T005"),
    ],
)
def test_hostile_files_are_refused(own, text, code):
    own.write_text(text)
    result = run("targets", own)
    assert result.code == 2, result
    assert f"error[{code}]" in result.err
    assert len(result.err) < 20_000


def test_files_that_are_none(place):
    refused(run("targets", place / "nobody.toml"), 2, "O012")
    refused(run("targets", place / "odd name.toml"), 2, "O012")
    (place / "folder.toml").mkdir()
    refused(run("targets", place / "folder.toml"), 2, "O014")


def test_a_manifest_names_no_file_to_read(own, place):
    """Whose firmware it is does not choose what is read here."""
    assert (
        run("build", place / STORED, "--target", own, "--output", place / "own", "--verify", "none").code == 0
    )
    path = place / "own" / "digits.mcuq.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "board": None, "target": str(own)}))
    refused(run("verify", place / "own"), 2, "O002", "O020")
    path.write_text(json.dumps({**document, "board": {**document["board"], "gcc_flags": ["-B/tmp"]}}))
    refused(run("verify", place / "own"), 2, "T005")
