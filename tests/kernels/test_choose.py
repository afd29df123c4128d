"""The choice between candidates, on made-up ones."""

import random

import numpy as np
import pytest

from mcuq.ir.plan import CArray, KernelCall
from mcuq.ir.program import Optimize
from mcuq.kernels.candidates import Candidate, find_candidates, rank_candidates
from mcuq.kernels.choose import _Tally, choose_kernels, search, total
from mcuq.kernels.core import core_kernels
from mcuq.kernels.costs import CodeSizes
from mcuq.targets import load_target
from tests.builders import ProgramBuilder, type_params
from tests.kernels.armv7em.edges import second_sums

FILES = {"a.h": 300, "b.h": 500, "common.h": 20}


def _steps(rng):
    """Steps with up to four candidates, some not measured, some with files that were not."""
    return [
        rank_candidates(
            [
                Candidate(
                    KernelCall(kernel, (), (CArray("weights", np.zeros(rng.randrange(90), np.int8), ""),)),
                    ("common.h", f"{kernel}.h"),
                    rng.choice([None, rng.randrange(1000), rng.randrange(1000)]),
                )
                for kernel in rng.sample(["a", "b", "c", "d"], rng.randint(1, 4))
            ]
        )
        for _ in range(rng.randint(1, 6))
    ]


def _added_up(steps, choice, code):
    chosen = [each[index] for each, index in zip(steps, choice, strict=True)]
    files = {file for one in chosen for file in one.files}
    has_choice = [len(each) > 1 for each in steps]
    is_known = any(one.time is not None for one in chosen)
    is_known &= all(one.time is not None for one, several in zip(chosen, has_choice, strict=True) if several)
    return (
        sum(one.rank for one in chosen),
        sum(one.time or 0 for one in chosen) if is_known else None,
        sum(one.time_bound for one in chosen),
        sum(one.constant_bytes for one in chosen),
        code.known(files),
        code.bound(files),
    )


@pytest.mark.parametrize("seed", range(40))
def test_changed_choice_costs_what_it_costs_from_the_beginning(seed):
    rng = random.Random(seed)
    steps, code = _steps(rng), CodeSizes(FILES)
    before, after = (tuple(rng.randrange(len(each)) for each in steps) for _ in range(2))
    swap = {step: index for step, index in enumerate(after) if index != before[step]}
    cost = _Tally(steps, before, code).total(swap)
    assert cost == total(steps, after, code)
    assert _added_up(steps, after, code) == (
        cost.rank,
        cost.time,
        cost.time_bound,
        cost.constant_bytes,
        cost.code_bytes,
        cost.code_bound,
    )


@pytest.mark.parametrize("seed", range(40))
def test_no_single_change_is_better_than_what_is_found(seed):
    rng = random.Random(seed)
    steps, code = _steps(rng), CodeSizes(FILES)

    def key(cost):
        return max(cost.flash_bound - 900, 0), cost.rank, cost.time_bound, cost.flash_bound

    found = search(steps, code, key, is_fastest_best=True)
    others = [
        (*found[:step], index, *found[step + 1 :])
        for step, each in enumerate(steps)
        for index in range(len(each))
    ]
    assert key(total(steps, found, code)) <= min(key(total(steps, other, code)) for other in others)


def test_files_that_were_not_measured_count_as_the_largest_in_limits():
    code = CodeSizes(FILES)
    assert code.known(["a.h", "common.h", "a.h"]) == 320
    assert code.known(["c.h"]) is None
    assert code.bound(["c.h", "common.h"]) == 520
    assert CodeSizes({}).bound(["c.h"]) == 0


@pytest.mark.parametrize("optimize", list(Optimize))
@pytest.mark.parametrize(
    ("core", "inside", "outside"),
    [
        ("cortex-m3", "mcuq_conv2d_s16_w4", "mcuq_conv2d_s16_w4"),
        ("cortex-m4", "mcuq_conv2d_s16_w4_gemm", "mcuq_conv2d_s16_gemm"),
    ],
)
def test_weights_of_four_bits_take_bytes_only_beside_a_kernel_that_is_many_times_slower(
    core, inside, outside, optimize
):
    edge = next(each for each in second_sums(8) if each.kernel == "mcuq_conv2d_s16_w4_gemm")
    for example, kernel in ((edge.inside, inside), (edge.outside, outside)):
        builder = ProgramBuilder()
        inputs = map(builder.input, example.shapes, map(type_params, example.types))
        for output in builder.outputs_of(example.op, *inputs):
            builder.output(output)
        found = find_candidates(builder.program(), core_kernels(load_target(core).core), core)
        (chosen,) = found.chosen(choose_kernels(found, optimize))
        assert kernel == chosen.call.kernel
