"""`mcuq build --max-*`: everything that is exceeded at once, with what weighs most and what would help."""

import json
import re

import pytest

import mcuq
from mcuq.errors import fail
from mcuq.pipeline.budget_layers import heaviest
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.targets import load_target
from tests.cli.runner import refused, run
from tests.cli.test_build_refusals import build_refused, snapshot
from tests.profile.helpers import need
from tests.small_models import Net, save
from tests.tools import require_machine

STORED = "digits_mcuq/digits.mcuq.npz"
M4 = ("--target", "cortex-m4", "--verify", "none")
TIGHT = ("--max-flash", "4K", "--max-ram", "1K", "--max-cycles", "100K", "--max-stack", "64")


def _needed(text, option):
    """The amount that a refusal says is needed, of the problem of an option."""
    found = re.search(rf"where: {option} .*\n  why:   it needs ([\d_]+) ", text)
    return int(found[1])


@pytest.fixture
def measured(place):
    core = load_target("cortex-m4").core
    need(core)
    require_machine(core, "unicorn")
    return place


def test_every_exceeded_budget_is_named_at_once(measured):
    codes = ("T007",) * 4
    text = build_refused(measured, 3, *codes, model=measured / STORED, arguments=(*M4, *TIGHT))
    for option, limit in zip(TIGHT[::2], ("4_096", "1_024", "100_000", "64"), strict=True):
        assert f"where: {option} {limit.replace('_', '')}\n" in text
        assert f"{limit} are allowed; most of it by layer: '" in text
    assert "measured: constants and code" in text
    assert "'down/conv' 7_376" in text
    # The integers of a stored program are settled.
    assert "tune" not in text
    assert "--weight-bits" not in text


def test_what_is_needed_is_enough_and_a_byte_less_is_not(measured):
    text = build_refused(measured, 3, *("T007",) * 4, model=measured / STORED, arguments=(*M4, *TIGHT))
    exact = {option: _needed(text, option) for option in TIGHT[::2]}
    given = [word for option, amount in exact.items() for word in (option, amount)]
    built = run("build", measured / STORED, "--output", measured / "new", *M4, *given)
    assert built.code == 0, built.err
    for option, amount in exact.items():
        less = (option, amount - 1)
        refused(run("build", measured / STORED, "--output", measured / "new2", *M4, *less), 3, "T007")
    assert not (measured / "new2").exists()


def test_options_that_are_named_help(place):
    """What a refusal promises of RAM is what the build with these options needs."""
    arguments = (*M4, "--max-ram", "1K")
    text = build_refused(place, 3, "T007", model=place / STORED, arguments=arguments)
    promised = int(re.search(r"--optimize ram: about ([\d_]+)", text)[1])
    output = place / "new"
    command = ("build", place / STORED, "--output", output, *M4, "--optimize", "ram", "--max-ram")
    assert run(*command, promised).code == 0
    before = snapshot(output)
    text = refused(run(*command, promised - 1), 3, "T007")
    assert snapshot(output) == before
    # It is built that way already.
    assert "--optimize ram:" not in text


def test_a_model_file_is_told_of_narrow_weights_and_the_search(place, digits):
    arguments = (*M4, "--max-flash", "16K", "--samples", "8", "--equalize", "off")
    text = build_refused(place, 3, "T007", model=digits.model, arguments=arguments)
    assert re.search(r"--weight-bits 4: about [\d_]+", text)
    assert "mcuq tune --max-flash 16384" in text
    assert re.search(r"--optimize size: about [\d_]+[;:]", text)


@pytest.mark.parametrize("how", ["option", "config"])
def test_narrow_weights_are_named_only_where_the_option_would_give_them(place, digits, how):
    config = place / "eight.toml"
    config.write_text('[[override]]\nop = "*"\nweight-bits = 8\n')
    given = ("--weight-bits", "4") if how == "option" else ("--config", config)
    arguments = (*M4, "--max-flash", "16K", "--samples", "8", "--equalize", "off", *given)
    text = build_refused(place, 3, "T007", model=digits.model, arguments=arguments)
    assert "--weight-bits" not in text
    assert "mcuq tune --max-flash 16384" in text


def test_a_budget_that_cannot_be_checked_is_no_budget_that_is_kept(place):
    arguments = ("--target", "host", "--max-cycles", "1G", "--max-stack", "1G", "--max-ram", "1")
    text = build_refused(place, 3, "T007", "T008", "T008", model=place / STORED, arguments=arguments)
    assert "firmware for 'host' cannot be profiled" in text
    assert "error[T007]: the build exceeds its budget of RAM" in text


COUNTED = ["cortex-m0plus", "cortex-m33", "cortex-m55", "cortex-m7", "rv32imc"]


@pytest.fixture(params=COUNTED)
def counted(request, place):
    """A core whose cycles have no model, and whose instructions an emulator counts."""
    need(load_target(request.param).core)
    return request.param


def test_instructions_are_held_to_a_budget_of_cycles_without_a_model(counted, place):
    """What is compared is what `mcuq profile` counts, to the last instruction, and said each time."""
    output = place / "new"
    command = ("build", place / STORED, "--output", output, "--target", counted, "--verify", "none")
    text = build_refused(place, 3, "T007", model=place / STORED, arguments=(*command[4:], "--max-cycles", 1))
    amount, unit = re.search(
        r"it needs ([\d_]+) (\w+) \(counted on the emulated core; no model of", text
    ).groups()
    assert unit == "instructions"
    assert f"no model of cycles is validated for '{counted}'" in text
    assert "mcuq tune --max-cycles" not in text
    built = run(*command, "--max-cycles", amount.replace("_", ""))
    assert built.code == 0, built.err
    assert "warning: --max-cycles" in built.err
    assert f"was compared with {amount} instructions" in built.err
    assert "NOT KNOWN" in built.err
    profile = run("profile", output, "--json")
    assert profile.json["cycles"] is None
    assert profile.json["instructions"] == int(amount)
    (kept,) = json.loads((output / "digits.mcuq.json").read_text())["budget"]
    assert kept == {"resource": "cycles", "limit": int(amount), "unit": "instructions"}
    less = run(*command, "--max-cycles", int(amount) - 1)
    refused(less, 3, "T007")


def test_modelled_instructions_stand_in_where_there_is_no_emulator(place, monkeypatch):
    """The figure of the cost model is named as one, and compared all the same."""
    monkeypatch.setattr("mcuq.pipeline.budget.profile_firmware", _nothing_counts)
    arguments = ("--target", "cortex-m55", "--verify", "none", "--max-cycles")
    text = build_refused(place, 3, "T007", model=place / STORED, arguments=(*arguments, "1K"))
    plan = plan_program(load_program(place / STORED), "cortex-m55")
    assert (
        f"it needs {plan.costs.instructions:_} instructions (by the cost model of kernels; no model" in text
    )
    command = ("build", place / STORED, "--output", place / "new", *arguments, "1M")
    built = run(*command)
    assert built.code == 0, built.err
    assert "NOT KNOWN" in built.err
    manifest = json.loads((place / "new/digits.mcuq.json").read_text())
    assert manifest["kernels"]["modelled_cycles"] is None
    assert manifest["kernels"]["modelled_instructions"] == plan.costs.instructions
    # The same bytes as where an emulator counts.
    assert manifest["budget"] == [{"resource": "cycles", "limit": 1_000_000, "unit": "instructions"}]


def _nothing_counts(*_, **__):
    raise fail("T002", "a tool is missing", where="profile", why="qemu is not installed", fix="install it")


def test_a_budget_of_real_cycles_is_recorded_without_a_warning(measured):
    output = measured / "new"
    built = run(
        "build", measured / STORED, "--output", output, *M4, "--max-cycles", "5M", "--max-stack", "4K"
    )
    assert built.code == 0, built.err
    assert "--max-cycles" not in built.err
    manifest = json.loads((output / "digits.mcuq.json").read_text())
    assert [(each["resource"], each["unit"]) for each in manifest["budget"]] == [
        ("cycles", "cycles"),
        ("stack", "bytes"),
    ]
    assert manifest["kernels"]["modelled_instructions"] is None
    assert run("verify", output).code == 0
    assert "budget" not in json.loads((measured / "digits_mcuq/digits.mcuq.json").read_text())


def test_flash_and_ram_of_a_board_are_named_at_once(place):
    net = Net(x=[1, 64, 32, 32])
    wide = net.conv("x", 64, 256, (3, 3), pads=[1, 1, 1, 1])
    model = save(net.model(net.conv(wide, 256, 128, (1, 1))), place)
    arguments = ("--target", "nucleo-f103rb", "--samples", "1", "--weight-rounding", "nearest")
    text = build_refused(place, 3, "T001", "T001", model=model, arguments=arguments)
    assert "flash of 'nucleo-f103rb'" in text
    assert "RAM of 'nucleo-f103rb'" in text
    assert "node_0" in text


@pytest.mark.parametrize(
    "value", ["0", "-1", "64X", "K", "1.5M", "", "64 K", "9" * 40, "\u0666\u0664", "1__0"]
)
@pytest.mark.parametrize("option", ["--max-flash", "--max-cycles"])
def test_amounts_that_are_none(place, option, value):
    build_refused(place, 2, "O001", model=place / STORED, arguments=(*M4, f"{option}={value}"))


def test_all_amounts_that_are_none_are_named_at_once(place):
    wrong = ("--max-flash", "x", "--max-ram", "y", "--max-cycles", "64KiB")
    build_refused(place, 2, "O001", "O001", "O001", model=place / STORED, arguments=(*M4, *wrong))


def test_heaviest_layers_of_ram_reach_the_arena(place):
    """The layer that needs most is the one that the lower bound of the arena is from."""
    plan = plan_program(load_program(place / STORED), "cortex-m4")
    assert plan.memory.least_bytes == heaviest(plan, "RAM")[0][1]


def test_layers_in_strips_are_weighed_too(place):
    """Strips write memory in parts, and again."""
    net = Net(x=[1, 4, 48, 48])
    tensor = "x"
    for channels, filters in ((4, 16), (16, 16), (16, 8)):
        tensor = net.add("Relu", net.conv(tensor, channels, filters, (3, 3), pads=[1, 1, 1, 1]))
    model = save(net.model(net.add("GlobalAveragePool", tensor)), place)
    options = ("--optimize", "ram", "--samples", "1", "--weight-rounding", "nearest", "--equalize", "off")
    command = ("build", model, "--output", place / "strips", *M4, *options)
    assert run(*command).code == 0
    plan = mcuq.open_firmware(place / "strips").plan
    assert plan.program.has_strips
    assert plan.memory.least_bytes == heaviest(plan, "RAM")[0][1]
    text = refused(run(*command, "--max-ram", "1", "--max-stack", "1"), 3, "T007", "T007")
    assert "most of it by layer: '" in text


def test_modelled_cycles_of_layers_add_up(place):
    plan = plan_program(load_program(place / STORED), "cortex-m4")
    listed = [amount for _, amount in heaviest(plan, "cycles")]
    assert listed == sorted(listed, reverse=True)
    assert sum(listed) <= plan.costs.cycles
