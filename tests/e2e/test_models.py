"""Real models, end to end: bit-exact firmware, the same from both layouts, as accurate as the float model."""

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import run_float
from mcuq.pipeline.build import build
from mcuq.simulator.simulate import simulate_program, trace_plan, trace_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.e2e.models import CASES, arrange, build_case, load_data
from tests.shared_data import MODELS, shared_file
from tests.tools import require


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Builds a case once, when a test first asks for it."""
    done = {}

    def get(name):
        if name not in done:
            done[name] = build_case(name, tmp_path_factory.mktemp("models"))
        return done[name]

    return get


@pytest.mark.parametrize("name", CASES)
def test_firmware_is_bit_exact_on_the_host(built, name):
    """32 real samples, random codes, all smallest, all largest: every value of every step."""
    require("cc")
    case = built(name)
    plan = case.result.plan
    # The channels-first exports give the same program: see below.
    real = 4 if case.case.is_channels_first else 32
    inputs = standard_inputs(plan.program, [x[:real] for x in case.codes], 4)
    assert [len(x) for x in inputs] == [real + 4 + 2]
    report = verify_firmware(case.result.directory, plan, name, inputs, "host")
    assert report.first_difference is None
    sizes = [plan.program.tensors[step.output].size_bytes for step in plan.program.steps]
    # Every step once; the outputs also as the caller gets them, with trace and without.
    assert (real + 6) * (sum(sizes) + 2 * sizes[-1]) == report.values_compared


@pytest.mark.parametrize("name", CASES)
def test_firmware_is_bit_exact_on_the_emulated_core(built, name):
    require("unicorn")
    case = built(name)
    inputs = standard_inputs(case.result.plan.program, [x[:4] for x in case.codes], 1)
    report = verify_firmware(case.result.directory, case.result.plan, name, inputs, "emulator")
    assert report.first_difference is None
    assert report.machine == "cortex-m4 on unicorn"


@pytest.mark.parametrize("name", ["digits", "kws", "ic"])
def test_firmware_for_the_host_is_bit_exact(built, tmp_path, name):
    """From the stored program, with portable kernels alone, under sanitizers."""
    require("cc")
    case = built(name)
    stored = case.result.directory / f"{name}.mcuq.npz"
    result = build(stored, "host", output=tmp_path / "host", verify="none")
    inputs = standard_inputs(result.plan.program, [x[:4] for x in case.codes], 1)
    found = verify_firmware(
        result.directory, result.plan, name, inputs, sanitize=("address", "undefined"), opt="-O1"
    )
    assert found.first_difference is None


@pytest.mark.parametrize("name", CASES)
def test_planned_memory_gives_the_same_values_at_every_step(built, name):
    case = built(name)
    plan = case.result.plan
    inputs = standard_inputs(plan.program, [x[:3] for x in case.codes], 2)
    expected = {index: y for index, _, (y,) in trace_program(plan.program, inputs)}
    found = list(trace_plan(plan, inputs))
    assert list(plan.memory.order) == [index for index, _, _ in found]
    for index, step, (y,) in found:
        np.testing.assert_array_equal(expected[index].ravel(), y.ravel(), step.name)


@pytest.mark.parametrize("name", ["kws", "ic"])
def test_both_layouts_give_one_program(built, name):
    last, first = built(name), built(f"{name}_nchw")
    outputs = [simulate_program(case.result.plan.program, case.codes)[0] for case in (last, first)]
    np.testing.assert_array_equal(last.codes[0], first.codes[0])
    np.testing.assert_array_equal(*outputs)
    kinds = [[step.op.kind for step in case.result.plan.program.steps] for case in (last, first)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", CASES)
def test_no_transpose_runs_on_the_device(built, name):
    kinds = {step.op.kind for step in built(name).result.plan.program.steps}
    assert not kinds & {"transpose", "copy", "pad", "slice", "table", "clip"}


@pytest.mark.parametrize("name", ["digits", "kws", "ic"])
def test_int8_is_within_a_point_and_a_half_of_float(built, name):
    case = built(name)
    data = load_data(case.case.data)
    samples = Samples.from_arrays({case.case.port: arrange(case.case, data.evaluation)})
    (port,) = case.result.plan.program.outputs
    real = run_float(case.case.path.read_bytes(), samples, [port.name])[port.name]
    codes = simulate_program(case.result.plan.program, case.codes)[0]
    float_hits, int8_hits = (
        (each.reshape(len(data.labels), -1).argmax(axis=1) == data.labels).mean() for each in (real, codes)
    )
    assert float_hits > 0.85
    assert int8_hits >= float_hits - 0.015


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_every_shared_model_is_bit_exact(tmp_path, model):
    """Ranges from synthetic inputs: the numbers mean little, and must agree all the same."""
    require("cc")
    require("unicorn")
    result = build(shared_file(model), "cortex-m4", output=tmp_path / "out", name="net", verify="none")
    program = result.plan.program
    inputs = standard_inputs(program, None, 2)
    expected = {index: y for index, _, (y,) in trace_program(program, inputs)}
    for index, step, (y,) in trace_plan(result.plan, inputs):
        np.testing.assert_array_equal(expected[index].ravel(), y.ravel(), step.name)
    for where in ("host", "emulator"):
        found = verify_firmware(result.directory, result.plan, "net", inputs, where)
        assert found.first_difference is None
