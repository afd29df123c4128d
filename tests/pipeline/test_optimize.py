"""`--optimize`: what is chosen, that it is stored, and that the rest of a build stays the same."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import mcuq
from mcuq.ir.program import Optimize
from mcuq.ir.store import program_to_npz
from mcuq.kernels.choose import Candidate, choose, total
from mcuq.kernels.select import kernel_options
from mcuq.options import QuantOptions
from mcuq.pipeline.choosing import choose_kernels
from mcuq.pipeline.model import load_program
from mcuq.pipeline.planning import plan_program
from mcuq.targets import load_target
from tests.cli.runner import run

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "firmware_examples/digits/locked/digits.mcuq.npz"


@pytest.fixture(scope="module")
def program():
    return load_program(STORED)


def _plan(program, optimize, target="cortex-m4"):
    return plan_program(dataclasses.replace(program, optimize=optimize), target)


def test_modes_are_what_they_say(program):
    speed, balanced, size = (_plan(program, optimize) for optimize in Optimize)
    assert speed.costs.cycles <= balanced.costs.cycles <= size.costs.cycles
    assert size.costs.flash_bytes <= size.costs.balanced.flash_bytes
    assert size.costs.code_bytes < 10_000
    assert size.memory.arena_bytes <= balanced.memory.arena_bytes
    assert balanced.costs.balanced is None
    assert speed.costs.balanced == balanced.costs


def test_size_is_the_smallest_of_all_choices(program):
    options = kernel_options(program, ("armv7em", "portable"), "cortex-m4")
    every = itertools.product(*(range(len(each)) for each in options.candidates))
    smallest = min(options.total(choice, Optimize.SIZE).flash_bytes for choice in every)
    assert options.total(options.choose(Optimize.SIZE), Optimize.SIZE).flash_bytes == smallest


def test_every_variant_but_the_chosen_has_a_reason(program):
    for plan in (_plan(program, optimize) for optimize in Optimize):
        for step, call in zip(plan.program.steps, plan.calls, strict=True):
            named = [refusal.kernel for refusal in call.refused]
            assert call.kernel not in named
            if step.op.kind == "linear":
                assert len(named) == 2
            assert all(refusal.reason for refusal in call.refused)


def test_choice_is_the_same_again(program):
    for optimize in Optimize:
        one, two = (_plan(program, optimize).calls for _ in range(2))
        assert [call.kernel for call in one] == [call.kernel for call in two]


def test_small_flash_falls_back_to_smaller_kernels(program):
    board = load_target("nucleo-l4r5zi")
    plenty = choose_kernels(program, board)
    small = dataclasses.replace(
        board, board=dataclasses.replace(board.board, flash_bytes=plenty.costs.flash_bytes - 1)
    )
    fewer = choose_kernels(program, small)
    assert fewer.costs.flash_bytes < plenty.costs.flash_bytes
    assert fewer.costs.cycles > plenty.costs.cycles


def test_small_ram_falls_back_to_less_scratch(program):
    board = load_target("nucleo-l4r5zi")
    plenty = choose_kernels(program, board)
    ports = (*program.inputs, *program.outputs)
    taken = sum(program.tensors[port.tensor].size_bytes for port in ports)
    least = choose_kernels(program, load_target("cortex-m3")).memory.arena_bytes
    assert least < plenty.memory.arena_bytes
    small = dataclasses.replace(board, board=dataclasses.replace(board.board, ram_bytes=taken + least))
    assert choose_kernels(program, small).memory.arena_bytes <= least


def test_limits_are_kept_where_the_fastest_breaks_them(program):
    options = kernel_options(program, ("armv7em", "portable"), "cortex-m4")
    fast = options.total(options.choose(Optimize.SPEED), Optimize.SPEED)
    tight = dataclasses.replace(options, constants_limit=fast.constant_bytes - 1)
    found = tight.total(tight.choose(Optimize.BALANCED), Optimize.BALANCED)
    assert found.constant_bytes < fast.constant_bytes
    assert tight.total(tight.choose(Optimize.SPEED), Optimize.SPEED) == fast


def test_stored_programs_keep_the_mode(tmp_path):
    options = QuantOptions(optimize="size")
    built = mcuq.build(
        STORED, "cortex-m4", output=tmp_path / "one", name="net", verify="none", options=options
    )
    again = mcuq.build(
        tmp_path / "one/net.mcuq.npz", "cortex-m4", output=tmp_path / "two", name="net", verify="none"
    )
    assert built.files == again.files
    assert mcuq.open_firmware(tmp_path / "one").plan.costs == built.plan.costs
    manifest = json.loads(built.files["net.mcuq.json"])
    assert manifest["kernels"]["optimize"] == "size"
    assert manifest["kernels"]["balanced"]["modelled_cycles"] > 0


def test_default_is_not_stored(program):
    assert program.optimize is Optimize.BALANCED
    assert b"optimize" not in program_to_npz(program)


def test_report_says_so_only_where_it_is_not_the_default(tmp_path):
    command = ["build", str(STORED), "--target", "cortex-m4", "--name", "net", "--verify", "none"]
    plain = run(*command, "--output", str(tmp_path / "a"))
    size = run(*command, "--optimize", "size", "--output", str(tmp_path / "b"))
    assert "kernels: for" not in plain.out
    assert "kernels: for size, about -" in size.out
    document = json.loads(run(*command, "--json", "--output", str(tmp_path / "c")).out)
    assert document["kernels"]["optimize"] == "balanced"
    assert all({"name", "kernel", "refused"} == set(step) for step in document["steps"])


def test_choose_shares_code_between_steps():
    """Two steps: the small constants of a second kernel do not pay for its code."""
    from mcuq.ir.plan import CArray, KernelCall

    def candidate(kernel, constants, cycles):
        array = CArray("weights", np.zeros(constants, np.int8), "")
        return Candidate(KernelCall(kernel, (), (array,)), cycles)

    paired, portable = "mcuq_linear_s8_paired", "mcuq_linear_s8"
    steps = [[candidate(paired, 100, 10), candidate(portable, 90, 99)]] * 2
    choice = choose(steps, Optimize.SIZE, lambda cost: (0, cost.flash_bytes, cost.cycles))
    assert choice == (1, 1)
    assert total(steps, choice, Optimize.SIZE).constant_bytes == 180
