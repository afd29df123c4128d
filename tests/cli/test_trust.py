"""C that mcuq did not write is compiled and run only when that is asked for."""

import json

import pytest

from mcuq import api
from mcuq.errors import McuqError
from mcuq.pipeline.lock import write_lock
from tests.cli.runner import refused, run
from tests.tools import require

# What leaves a trace where it is run: a hostile folder's C.
TRACE = """
#include <stdio.h>
__attribute__((constructor)) static void leave(void)
{
    FILE *file = fopen("%s", "w");
    if (file != NULL) {
        (void)fclose(file);
    }
}
"""


@pytest.fixture
def hostile(firmware, tmp_path):
    """Firmware whose C says by a file that it was run."""
    trace = tmp_path / "it ran"
    source = firmware / "src" / "digits.c"
    source.write_text(source.read_text("utf-8") + TRACE % trace, "utf-8")
    return trace


@pytest.mark.parametrize("command", ["verify", "lock"])
def test_changed_c_is_not_run(firmware, hostile, command):
    require("cc")
    text = refused(run(command, firmware), 4, "V004")
    assert "'src/digits.c' is changed" in text
    assert "--trust" in text
    assert not hostile.exists()
    assert run(command, firmware, "--trust").code == 0
    assert hostile.exists()


def test_profile_and_check_refuse_changed_c(firmware, hostile):
    require("cc")
    backup = (firmware / "src" / "digits.c").read_bytes()
    original = backup.partition(TRACE[:20].encode())[0]
    (firmware / "src" / "digits.c").write_bytes(original)
    lock = write_lock(firmware, None)
    (firmware / "src" / "digits.c").write_bytes(backup)
    refused(run("profile", firmware), 4, "V004")
    refused(run("check", lock), 4, "V004")
    assert not hostile.exists()
    assert run("check", lock, "--trust").code == 0
    assert hostile.exists()


def test_python_refuses_changed_c(firmware, hostile):
    require("cc")
    for refuse in (api.verify, api.lock):
        with pytest.raises(McuqError, match="V004"):
            refuse(firmware)
    assert not hostile.exists()
    assert api.verify(firmware, trust=True).is_identical
    assert hostile.exists()


@pytest.mark.parametrize("name", ["src/string.h", "include/stdint.h", "src/deep/more.h"])
def test_files_that_the_manifest_does_not_know_are_a_difference(firmware, name):
    """A header of the standard library's name would be taken for it."""
    path = firmware / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("#error found\n")
    assert f"'{name}' is unknown" in refused(run("verify", firmware), 4, "V004")


def test_check_refuses_files_that_the_manifest_does_not_know(firmware):
    require("cc")
    lock = write_lock(firmware, None)
    (firmware / "src" / "string.h").write_text("#error found\n")
    refused(run("check", lock), 4, "V004")


@pytest.mark.parametrize("files", [None, [], {"src/digits.c": 3}, {}])
def test_manifest_without_checksums_vouches_for_nothing(firmware, files):
    path = firmware / "digits.mcuq.json"
    document = json.loads(path.read_text("utf-8"))
    document["files"] = files
    path.write_text(json.dumps(document), "utf-8")
    text = refused(run("verify", firmware), 4, "V004")
    assert "'include/digits.h' is unknown" in text


def test_stored_program_builds_again_what_is_refused(firmware, hostile):
    require("cc")
    stored = firmware / "digits.mcuq.npz"
    done = run("build", stored, "--target", "cortex-m4", "--name", "digits", "--output", firmware)
    assert done.code == 0, done.err
    assert run("verify", firmware).code == 0
    assert not hostile.exists()


@pytest.mark.parametrize("command", ["evaluate", "simulate", "export"])
def test_commands_that_run_no_c_do_not_ask(firmware, hostile, digits, tmp_path, command):
    arguments = {
        "evaluate": ("--model", digits.model, "--inputs", digits.images),
        "simulate": ("--inputs", digits.images, "--output", tmp_path / "y.npz"),
        "export": ("--format", "json", "--output", tmp_path / "x.json"),
    }
    assert run(command, firmware, *arguments[command]).code == 0
    assert not hostile.exists()


@pytest.mark.parametrize("command", ["verify", "profile", "lock", "check"])
def test_help_says_that_c_is_run(command):
    text = " ".join(run(command, "--help").out.split())
    assert "that you trust" in text
    assert "--trust" in text
