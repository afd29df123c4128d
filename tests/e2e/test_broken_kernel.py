"""A kernel that is wrong by one rounding: caught on the host, on the core, by the self-test and the lock."""

import json
import re

import pytest

from mcuq.ops.pool import AveragePoolStep, MaxPoolStep
from mcuq.ops.window import Window
from mcuq.pipeline.lock import write_lock
from mcuq.simulator.simulate import trace_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import random_codes
from tests.builders import ProgramBuilder, portable_calls, stacked_plan, write_firmware
from tests.cli.runner import refused, run
from tests.e2e.selftest_image import Outcome, run_selftest
from tests.tools import require

TIE = ("mcuq_requantize.h", "(-shift - 1)) + 1) >> 1", "(-shift - 1)) + 0) >> 1")
BREAKS = {
    "tie": TIE,
    "sign of the tie": ("mcuq_requantize.h", "(high + (high >> 31))", "high"),
    "first rounding": ("mcuq_requantize.h", "((int64_t)1 << 30)", "((int64_t)1 << 29)"),
    "padding": ("mcuq_windows.h", "(row < 0)", "(row <= 0)"),
    "softmax rounding": ("mcuq_softmax_s8.h", "<< (exponent - 2)", "<< (exponent - 5)"),
    "added zero point": ("mcuq_add_s8_plane.h", "addend = p->addend", "addend = p->a_factor"),
}
# Where the data does not decide which layer meets the change first.
FIRST_LAYER = {
    "tie": "stem/conv",
    "padding": "stem/conv",
    "softmax rounding": "classifier/softmax",
    "added zero point": "residual/add",
}


@pytest.fixture
def portable(digits, tmp_path):
    """Digits for a core without kernels of its own: every kernel is portable."""
    out = tmp_path / "digits_mcuq"
    done = run(
        "build",
        digits.firmware / "digits.mcuq.npz",
        "--target",
        "cortex-m3",
        "--output",
        out,
        "--name",
        "digits",
        "--verify",
        "none",
    )
    assert done.code == 0, done.err
    return out


def break_kernel(firmware, file, found, put):
    path = firmware / "src" / file
    text = path.read_text("utf-8")
    assert found in text
    path.write_text(text.replace(found, put), "utf-8")


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_verify_names_layer_and_element(portable, name):
    require("cc")
    break_kernel(portable, *BREAKS[name])
    text = refused(run("verify", portable, "--trust"), 4, "V001")
    layer = re.search(r"layer '([^']+)' computes something else than the simulator", text).group(1)
    assert FIRST_LAYER.get(name, layer) == layer
    assert re.search(r"sample \d+, step \d+ \(mcuq_\w+_s8\w*\), element \[\d+(, \d+)*\]", text)
    assert re.search(r"expected -?\d+, found -?\d+; \d+ values of the layer differ", text)


def test_verify_names_the_same_value_on_the_emulated_core(portable):
    require("unicorn")
    break_kernel(portable, *TIE)
    documents = []
    for where in ("host", "emulator"):
        done = run("verify", portable, "--on", where, "--samples", 2, "--trust", "--json")
        assert done.code == 4, done.err
        assert done.json["identical"] is False
        documents.append(done.json["first_difference"])
    assert documents[0] == documents[1]
    first = documents[0]
    assert (first["layer"], first["kernel"], first["step"]) == ("stem/conv", "mcuq_conv2d_s8_4x2", 0)
    assert first["expected"] != first["found"]


@pytest.mark.parametrize("target", ["host", "cortex-m4", "cortex-m0plus"])
def test_selftest_passes_where_nothing_is_broken(portable, tmp_path, target):
    require("cc" if target == "host" else "unicorn")
    assert Outcome(0, -1, -1, "") == run_selftest(portable, tmp_path / "test", "digits", target)


@pytest.mark.parametrize("target", ["host", "cortex-m4"])
@pytest.mark.parametrize("name", sorted(BREAKS))
def test_selftest_names_the_layer(portable, tmp_path, name, target):
    require("cc" if target == "host" else "unicorn")
    break_kernel(portable, *BREAKS[name])
    steps = json.loads((portable / "digits.mcuq.json").read_text("utf-8"))["steps"]
    found = run_selftest(portable, tmp_path / "test", "digits", target)
    assert found.failed == 1
    assert FIRST_LAYER.get(name, found.layer) == found.layer == steps[found.step]["name"]
    assert found.vector in (0, 1)


def test_check_notices_c_that_was_changed(portable):
    require("cc")
    lock = write_lock(portable, None)
    assert run("check", lock).code == 0
    break_kernel(portable, *TIE)
    refused(run("check", lock), 4, "V004")
    text = refused(run("check", lock, "--trust"), 4, "V002")
    assert "stem/conv" in text
    assert re.search(r"element \[\d+", text)


def test_lock_is_refused_for_c_that_is_wrong(portable):
    require("cc")
    break_kernel(portable, *TIE)
    refused(run("lock", portable), 4, "V004")
    refused(run("lock", portable, "--trust"), 4, "V002")
    assert not (portable.parent / "digits.mcuq.lock").exists()


@pytest.mark.parametrize(
    ("file", "found", "put"),
    [
        ("mcuq_average_pool_s8.h", "(sum + (count / 2)) / count", "(sum + (count / 2) - 1) / count"),
        ("mcuq_average_pool_s8.h", "(sum - (count / 2)) / count", "(sum + (count / 2)) / count"),
        ("mcuq_max_pool_s8.h", "(value > largest)", "(value < largest)"),
    ],
)
def test_pools_by_one_rounding(tmp_path, file, found, put):
    require("cc")
    builder = ProgramBuilder()
    x = builder.input((1, 8, 8, 3))
    average = builder.step(AveragePoolStep(Window((2, 2), (2, 2)), False, 0, -128, 127), x, name="average")
    builder.output(builder.step(MaxPoolStep(Window((2, 2)), -128, 127), average, name="max"))
    program = builder.program()
    plan = stacked_plan(program, portable_calls(program), "host")
    firmware = write_firmware(tmp_path / "net", plan)
    inputs = random_codes(program, 4)
    assert verify_firmware(firmware, plan, "net", inputs).is_identical
    break_kernel(firmware, file, found, put)
    first = verify_firmware(firmware, plan, "net", inputs).first_difference
    assert first.layer == ("max" if "max" in file else "average")
    values = {step.name: y for _, step, (y,) in trace_program(program, inputs)}
    assert first.expected == int(values[first.layer][(first.sample, *first.element)])
    assert run_selftest(firmware, tmp_path / "test", "net", "host").layer == first.layer


def test_emulator_notices_a_wrong_instruction(firmware):
    """The host runs the C form of the DSP kernels: only the core itself runs their instructions."""
    require("unicorn")
    break_kernel(firmware, "mcuq_gemm_4x2.h", "smlad r10, r3, lr", "smlad r10, r3, r12")
    assert run("verify", firmware, "--trust").code == 0
    refused(run("verify", firmware, "--trust", "--on", "emulator"), 4, "V001")


HARM = {
    "it wrote outside its buffers": ("mcuq_softmax_s8.h", "for (int32_t row = 0;", "y[-1] = 0;"),
    "it wrote to its inputs": (
        "mcuq_conv2d_s8_4x2.h",
        "for (int32_t group = 0;",
        "((int8_t *)(size_t)x)[0] ^= 1;",
    ),
}


@pytest.mark.parametrize("why", sorted(HARM))
def test_verify_notices_stray_writes(portable, why):
    """The last step writes the caller's output buffer, the first reads the caller's input buffer."""
    require("cc")
    file, found, harm = HARM[why]
    break_kernel(portable, file, found, f"{harm} {found}")
    assert why in refused(run("verify", portable, "--trust"), 4, "V003")
