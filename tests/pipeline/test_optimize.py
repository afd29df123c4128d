"""`--optimize`: what is chosen, that it is stored, and that the rest of a build stays the same."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import mcuq
from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.program import Optimize
from mcuq.ir.store import program_to_npz
from mcuq.kernels.candidates import Candidate, find_candidates, rank_candidates
from mcuq.kernels.choose import choose_kernels, search, total
from mcuq.kernels.core import core_kernels
from mcuq.kernels.costs import load_costs
from mcuq.options import SIZE_RATE, QuantOptions
from mcuq.pipeline.planning import choose_and_place, plan_program
from mcuq.pipeline.stored import load_program
from mcuq.report.build import optimize_line
from mcuq.targets import load_target
from tests.cli.runner import run
from tests.shared_data import shared_file

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "firmware_examples/digits/locked/digits.mcuq.npz"


@pytest.fixture(scope="module")
def program():
    return load_program(STORED)


def _plan(program, optimize, target="cortex-m4"):
    return plan_program(dataclasses.replace(program, optimize=optimize), target)


def _place(program, target):
    return choose_and_place(program, target, core_kernels(target.core))


def _resized(target, **sizes):
    """A board with some of its memories smaller."""
    memories = tuple(
        dataclasses.replace(each, range=dataclasses.replace(each.range, bytes=sizes[each.name]))
        if each.name in sizes
        else each
        for each in target.board.memories
    )
    return dataclasses.replace(target, board=dataclasses.replace(target.board, memories=memories))


def _candidates(program, core="cortex-m4"):
    return find_candidates(program, core_kernels(load_target(core).core), core)


def _total(found, optimize, compiled=None):
    choice = choose_kernels(found, optimize)
    return total(found.steps, choice, found.costs.code_sizes(compiled or optimize))


def test_modes_are_what_they_say(program):
    speed, balanced, size, ram = (_plan(program, optimize) for optimize in Optimize)
    assert speed.costs.cycles <= balanced.costs.cycles <= size.costs.cycles
    assert size.costs.flash_bytes <= size.costs.balanced.flash_bytes
    assert size.costs.code_bytes < 10_000
    assert size.memory.arena_bytes <= balanced.memory.arena_bytes
    assert ram.memory.arena_bytes <= balanced.memory.arena_bytes
    assert balanced.costs.balanced is None
    assert speed.costs.balanced == balanced.costs


def test_size_is_the_best_of_all_choices_at_its_rate(program):
    candidates = _candidates(program)
    every = itertools.product(*(range(len(each)) for each in candidates.steps))
    balanced = _total(candidates, Optimize.BALANCED, Optimize.SIZE)

    def price(cost):
        return cost.time / balanced.time + SIZE_RATE * cost.flash_bound / balanced.flash_bound

    found = _total(candidates, Optimize.SIZE)
    code = candidates.costs.code_sizes(Optimize.SIZE)
    totals = (total(candidates.steps, choice, code) for choice in every)
    assert price(found) == min(
        price(each) for each in totals if each.constant_bytes <= candidates.constants_limit
    )
    assert found.flash_bound < balanced.flash_bound


@pytest.mark.parametrize("name", ["ic_resnet8", "vww_mobilenetv1", "kws_dscnn", "ad_autoencoder"])
def test_size_is_worth_its_cycles_on_real_networks(name):
    """A tenth of the cycles at the most: version 0.1 took 6 to 12 times as many to save 7 to 12 KB."""
    model = shared_file(f"mlperf_tiny/models/{name}.onnx")
    plain = QuantOptions(weight_rounding="nearest", equalize="off")
    size = dataclasses.replace(plain, optimize="size")
    result = mcuq.build(model, "cortex-m4", output=None, name="net", verify="none", options=size)
    costs, balanced = result.plan.costs, result.plan.costs.balanced
    assert costs.flash_bytes <= balanced.flash_bytes
    assert balanced.cycles <= costs.cycles <= 1.1 * balanced.cycles
    assert costs.cycles / balanced.cycles - 1 <= SIZE_RATE * (1 - costs.flash_bytes / balanced.flash_bytes)


def _copy_of(variant):
    class Copy(variant):
        kernel = f"{variant.kernel}_copy"

    return Copy


@pytest.mark.parametrize("optimize", Optimize)
def test_kernel_that_was_not_measured_gains_nothing_by_it(program, optimize):
    """A copy of every kernel, declared right behind it, is never taken, and no figure is made up for it."""
    board = load_target("nucleo-l4r5zi")
    program = dataclasses.replace(program, optimize=optimize)
    kernels = core_kernels(board.core)
    before = choose_and_place(program, board, kernels)
    copies = itertools.chain.from_iterable((one, _copy_of(one)) for one in kernels.variants)
    with_copies = dataclasses.replace(kernels, variants=tuple(copies))
    tight = _resized(board, flash=12_000)
    for target in (board, tight):
        found = choose_and_place(program, target, with_copies)
        assert not [call.kernel for call in found.calls if call.kernel.endswith("_copy")]
        for call in found.calls:
            reasons = {each.kernel: each.reason for each in call.refused}
            assert "not measured on cortex-m4" in reasons[f"{call.kernel}_copy"]
            assert not [text for text in reasons.values() if "copy" in text and "cycles" in text]
    assert [call.kernel for call in choose_and_place(program, board, with_copies).calls] == [
        call.kernel for call in before.calls
    ]


def test_order_of_kernels_decides_where_cycles_do_not():
    call = KernelCall("mcuq_linear_s8", (), ())
    declared = [Candidate(call, (), cycles) for cycles in (100, None, 50, None, 70)]
    assert [one.rank for one in rank_candidates(declared)] == [0, 1, 0, 3, 0]
    assert [one.rank for one in rank_candidates(declared[1:])] == [0, 1, 2, 1]
    assert [one.time_bound for one in rank_candidates(declared)] == [100, 100, 50, 100, 70]
    assert [one.time_bound for one in rank_candidates(declared[1:2])] == [0]


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
@pytest.mark.parametrize("optimize", [Optimize.SPEED, Optimize.BALANCED, Optimize.SIZE])
def test_core_without_measured_time_takes_kernels_in_their_order(program, core, optimize):
    program, target = _plan(program, optimize, core).program, load_target(core)
    known = core_kernels(target.core)
    kernels = dataclasses.replace(known, costs=dataclasses.replace(known.costs, coefficients={}))
    found = choose_and_place(program, target, kernels)
    first = [each[0].call.kernel for each in find_candidates(program, kernels, core).steps]
    assert first == [call.kernel for call in found.calls]
    assert found.costs.cycles is None
    assert found.costs.flash_bytes > 0
    reasons = [refusal.reason for call in found.calls for refusal in call.refused]
    assert [text for text in reasons if f"not measured on {core}" in text]
    assert not [text for text in reasons if "cycles" in text]


@pytest.mark.parametrize("target", ["cortex-m0plus", "rv32imc", "microbit-v1"])
def test_instructions_alone_are_stated_where_cycles_and_code_have_no_model(program, target):
    costs = _plan(program, Optimize.SIZE, target).costs
    for each in (costs, costs.balanced):
        assert (each.cycles, each.code_bytes, each.flash_bytes) == (None, None, None)
    more = costs.instructions - costs.balanced.instructions
    line = optimize_line(costs, costs.balanced)
    assert line == f"kernels: for size, about {more:+,} instructions by the model beside balanced"


def test_nothing_is_stated_where_nothing_was_measured(program):
    costs = _plan(program, Optimize.SIZE, "cortex-m0plus").costs
    unknown = dataclasses.replace(costs, instructions=None)
    assert "were not measured on this core" in optimize_line(unknown, costs.balanced)


def test_every_variant_but_the_chosen_has_a_reason(program):
    for plan in (_plan(program, optimize) for optimize in Optimize):
        for step, call in zip(plan.program.steps, plan.calls, strict=True):
            named = [refusal.kernel for refusal in call.refused]
            assert call.kernel not in named
            if step.op.kind == "linear":
                assert len(named) == 3
            assert all(refusal.reason for refusal in call.refused)


def test_choice_is_the_same_again(program):
    for optimize in Optimize:
        one, two = (_plan(program, optimize).calls for _ in range(2))
        assert [call.kernel for call in one] == [call.kernel for call in two]


def test_small_flash_falls_back_to_smaller_kernels(program):
    board = load_target("nucleo-l4r5zi")
    plenty = _place(program, board)
    small = _resized(board, flash=plenty.costs.flash_bytes - 1)
    fewer = _place(program, small)
    assert fewer.costs.flash_bytes < plenty.costs.flash_bytes
    assert fewer.costs.cycles > plenty.costs.cycles


def test_small_ram_falls_back_to_less_scratch(program):
    board = load_target("nucleo-l4r5zi")
    plenty = _place(program, board)
    ports = (*program.inputs, *program.outputs)
    taken = sum(program.tensors[port.tensor].size_bytes for port in ports)
    least = _place(program, load_target("cortex-m3")).memory.arena_bytes
    assert least < plenty.memory.arena_bytes
    small = _resized(board, sram=taken + least)
    assert _place(program, small).memory.arena_bytes <= least


def test_limits_are_kept_where_the_fastest_breaks_them(program):
    found = _candidates(program)
    fast = _total(found, Optimize.SPEED)
    tight = dataclasses.replace(found, constants_limit=fast.constant_bytes - 1)
    assert _total(tight, Optimize.BALANCED).constant_bytes < fast.constant_bytes
    assert _total(tight, Optimize.SPEED) == fast


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
    costs = load_costs("cortex-m4")

    def candidate(kernel, constants, cycles):
        array = CArray("weights", np.zeros(constants, np.int8), "")
        return Candidate(KernelCall(kernel, (), (array,)), costs.kernel_files(kernel), cycles, cycles)

    paired, portable = "mcuq_linear_s8_paired", "mcuq_linear_s8"
    steps = [[candidate(paired, 100, 10), candidate(portable, 90, 99)]] * 2
    code = costs.code_sizes(Optimize.SIZE)
    choice = search(steps, code, lambda cost: (0, cost.flash_bound, cost.time), is_fastest_best=False)
    assert choice == (1, 1)
    assert total(steps, choice, code).constant_bytes == 180


def test_kernel_that_was_not_measured_is_not_free_where_limits_force_it():
    """One of two steps has to take it. It does not count as 0 cycles, or the slowest step would."""

    def step(cycles):
        array = CArray("weights", np.zeros(10, np.int8), "")
        measured = Candidate(KernelCall("a", (), (array,)), (), cycles)
        unmeasured = Candidate(KernelCall("b", (), ()), (), None)
        return rank_candidates([measured, unmeasured])

    steps = [step(1000), step(10)]
    code = load_costs("cortex-m4").code_sizes(Optimize.BALANCED)

    def key(cost):
        return max(cost.constant_bytes - 10, 0), cost.rank, cost.time_bound, cost.flash_bound

    for choice in ((0, 1), (1, 0)):
        cost = total(steps, choice, code)
        assert cost.time is None
        assert cost.time_bound == 1010
    assert total(steps, (0, 0), code).time == 1010
    assert search(steps, code, key, is_fastest_best=True) == (0, 1)


def test_search_reads_no_file(program, monkeypatch):
    kernels = core_kernels(load_target("cortex-m4").core)

    def opened(*args, **options):
        raise AssertionError(f"a file was looked for: {args}")

    for name in ("stat", "open", "read_bytes", "read_text", "is_file", "is_dir", "glob"):
        monkeypatch.setattr(Path, name, opened)
    found = find_candidates(program, kernels, "cortex-m4")
    for optimize in Optimize:
        found.calls(choose_kernels(found, optimize, 20_000), optimize)


def test_time_in_instructions_decides_but_is_not_called_cycles(program):
    target = load_target("cortex-m33")
    kernels, measured = core_kernels(target.core), load_costs("cortex-m4")
    costs = dataclasses.replace(measured, core="cortex-m33", unit="instructions")
    found = choose_and_place(program, target, dataclasses.replace(kernels, costs=costs))
    as_measured = _place(program, load_target("cortex-m4"))
    assert [call.kernel for call in found.calls] == [call.kernel for call in as_measured.calls]
    assert found.costs.cycles is None
    reasons = [refusal.reason for call in found.calls for refusal in call.refused]
    assert [text for text in reasons if "instructions more" in text]
    assert not [text for text in reasons if "cycles" in text and "costs about" in text]
