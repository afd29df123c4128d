"""Refusals of whole commands, on the digits example."""

import dataclasses
import json
import re

import numpy as np
import pytest

from mcuq import api
from mcuq.errors import Exit, McuqError
from mcuq.ir.integer import Rounding
from mcuq.ir.op import LoweringRefusal, Operand
from mcuq.ir.types import DType, QuantParams
from mcuq.kernels.candidates import find_candidates
from mcuq.kernels.core import core_kernels
from mcuq.ops.linear import Linear
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
PROGRAM = DIGITS / "locked" / "digits.mcuq.npz"


@pytest.fixture
def firmware(tmp_path):
    return api.build(PROGRAM, "cortex-m4", output=tmp_path / "firmware", verify="none").directory


def _codes(error):
    return {problem.code for problem in error.value.problems}


def test_build_refuses_a_folder_with_foreign_files(firmware):
    foreign = firmware / "src" / "notes.txt"
    foreign.write_text("mine")
    with pytest.raises(McuqError, match=r"notes\.txt") as error:
        api.build(PROGRAM, "cortex-m4", output=firmware, verify="none")
    assert _codes(error) == {"O010"}
    assert foreign.read_text() == "mine"


def test_verify_refuses_a_folder_that_is_no_firmware(tmp_path):
    with pytest.raises(McuqError) as error:
        api.open_firmware(tmp_path)
    assert _codes(error) == {"O011"}
    assert error.value.exit_code is Exit.USAGE


def test_verify_names_the_layer_with_a_changed_multiplier(firmware):
    weights = firmware / "src" / "digits_weights.c"
    before, layer, after = weights.read_text().partition("/* 06 linear classifier/gemm")
    # Behind the first word of four channels and a bias.
    first = re.compile(r"(_channels\[39\][^\n]*\n\s*(?:-?\d+,\s*){2})\d+")
    changed = first.sub(r"\g<1>1073741824", after, count=1)
    assert changed != after
    weights.write_text(before + layer + changed)
    report = verify_firmware(firmware, api.open_firmware(firmware).plan, "digits", _inputs(firmware))
    problem = report.first_difference.problem(report.machine)
    assert problem.code == "V001"
    assert "classifier/gemm" in problem.title


def _inputs(firmware):
    shape = api.open_firmware(firmware).plan.program.tensors[0].shape
    return [np.arange(4 * np.prod(shape)).astype(np.int8).reshape(4, *shape)]


def test_check_names_what_moved(firmware, tmp_path):
    lock = api.lock(firmware, tmp_path / "digits.mcuq.lock")
    document = json.loads(lock.read_text())
    document["steps"][2]["parameters"]["params.bias"] = "0" * 16
    document["sizes"]["arena_bytes"] += 8
    lock.write_text(json.dumps(document))
    with pytest.raises(McuqError, match="arena_bytes") as error:
        api.check(lock)
    assert _codes(error) == {"V002"}
    assert error.value.exit_code is Exit.NOT_BIT_EXACT
    assert "pointwise/conv" in str(error.value)


def test_candidates_are_refused_for_steps_without_a_kernel(firmware):
    program = api.open_firmware(firmware).plan.program
    with pytest.raises(McuqError) as error:
        find_candidates(
            program, dataclasses.replace(core_kernels(load_target("host").core), variants=()), "x"
        )
    assert _codes(error) == {"T004"}
    assert len(error.value.problems) == len(program.steps)


def _lower(taps, y_scale):
    x = Operand((1, taps), QuantParams((1.0,), -128, DType.INT8))
    w = Operand((1, taps), QuantParams((1.0,), 0, DType.INT8, 0), np.full((1, taps), 127, np.int8))
    b = Operand((1,), QuantParams((1.0,), 0, DType.INT32, 0), np.zeros(1, np.int32))
    y = Operand((1, 1), QuantParams((y_scale,), 0, DType.INT8))
    return Linear().lower([x, w, b], y, Rounding.DOUBLE)


def test_lower_refuses_an_accumulator_that_can_overflow():
    assert _lower(66_311, 2.0**24).params.weights.shape == (1, 66_311)
    with pytest.raises(LoweringRefusal) as error:
        _lower(66_312, 2.0**24)
    assert error.value.code == "Q002"


def test_lower_refuses_a_scale_without_a_multiplier():
    with pytest.raises(LoweringRefusal) as error:
        _lower(1, 2.0**-31)
    assert error.value.code == "Q003"
