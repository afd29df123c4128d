"""`mcuq selftest` and `mcuq compare` as users run them."""

import re
import shutil

import pytest

from mcuq.targets import load_target
from tests.cli.runner import refused, run
from tests.tools import require_compiler, require_machine


@pytest.fixture
def place(firmware, monkeypatch):
    """The current folder, with the digits firmware in it."""
    monkeypatch.chdir(firmware.parent)
    return firmware.parent


def _needs(core):
    core = load_target(core).core
    require_compiler(core, "gcc")
    require_machine(core, "host" if core.is_host else "qemu")


def test_selftest_prints_a_line_a_layer_that_compare_reads(place):
    _needs("cortex-m4")
    done = run("selftest", "digits_mcuq", "--machine", "mps2-an386", "--bench")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert [line.split()[0][5:] for line in lines] == [
        "begin",
        *["layer"] * 16,
        "timer",
        *["cycles"] * 8,
        "end",
    ]
    assert lines[1].endswith(" stem/conv")
    assert lines[17] == "mcuq-timer emulator"
    assert "every checksum as in the simulator (mps2-an386, " in done.err
    (place / "log.txt").write_text("boot\r\n" + done.out.replace("\n", "\r\n"), newline="")
    for arguments in (["log.txt", "digits_mcuq"], ["log.txt"]):
        same = run("compare", *arguments)
        assert (same.code, same.err) == (0, "")
        assert same.out == "digits: 2 vectors, 8 layers each, every checksum as in the simulator\n"
    document = run("compare", "log.txt", "digits_mcuq", "--json").json
    assert (document["identical"], document["compared"], document["missing"]) == (True, 16, 0)


@pytest.mark.parametrize(
    "core", ["cortex-m0plus", "cortex-m33", "cortex-m55", "cortex-m7", "rv32imc", "host"]
)
def test_selftest_agrees_on_every_core(core, place):
    _needs(core)
    program = "digits_mcuq/digits.mcuq.npz"
    assert run("build", program, "--target", core, "--output", "other", "--verify", "none").code == 0
    done = run("selftest", "other", "--bench", "--json")
    assert done.code == 0, done.err
    assert (done.json["identical"], done.json["compared"]) == (True, 16)
    assert done.json["machine"] in {*(each.name for each in load_target(core).core.machines), "host"}


def test_selftest_names_the_layer_that_was_changed(place):
    _needs("cortex-m4")
    weights = place / "digits_mcuq" / "src" / "digits_weights.c"
    text = weights.read_text()
    before, layer, after = text.partition("/* 06 linear classifier/gemm")
    # The multiplier of the first class, behind the first word of four channels and a bias.
    first = re.compile(r"(_channels\[39\][^\n]*\n\s*(?:-?\d+,\s*){2})\d+")
    changed = first.sub(r"\g<1>1073741824", after, count=1)
    assert changed != after
    weights.write_text(before + layer + changed)
    refused(run("selftest", "digits_mcuq"), 4, "V004")
    done = run("selftest", "digits_mcuq", "--trust")
    assert done.code == 4
    assert "error[V005]: layer 'classifier/gemm' computes something else on the device" in done.err
    assert "expected checksum" in done.err
    (place / "log.txt").write_text(done.out)
    assert "'classifier/gemm'" in refused(run("compare", "log.txt", "digits_mcuq"), 4, "V005")
    document = run("compare", "log.txt", "--json")
    assert document.code == 4
    assert document.json["first_difference"]["name"] == "classifier/gemm"
    assert document.json["first_difference"]["expected"] != document.json["first_difference"]["found"]


def test_selftest_refuses_what_it_cannot_do(place):
    text = refused(run("selftest", "digits_mcuq", "--machine", "mps2-an999"), 2, "O001")
    assert "mps2-an386" in text
    refused(run("selftest", "nothing"), 2, "O011")


def test_compare_refuses_bad_input(place):
    log = place / "log.txt"
    refused(run("compare", "log.txt"), 2, "O012")
    log.write_text("nothing of ours\n")
    refused(run("compare", "log.txt"), 2, "O022")
    refused(run("compare", "digits_mcuq"), 2, "O014")
    log.write_text("mcuq-begin digits 0123456789abcdef 2 8\nmcuq-end 0\n")
    assert "another build" in refused(run("compare", "log.txt", "digits_mcuq"), 2, "O022")
    shutil.rmtree("digits_mcuq")
    refused(run("compare", "log.txt", "digits_mcuq"), 2, "O011")
