"""What tools/bench_mcu.py measures, on the digits example, and how it judges."""

import dataclasses

import pytest

import mcuq
from tests.project.source import ROOT
from tests.tools import require
from tests.truth.packages import require_package

MODEL = ROOT / "firmware_examples/digits/model.onnx"


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    output = tmp_path_factory.mktemp("bench") / "digits"
    mcuq.build(MODEL, "cortex-m4", output=output, name="digits", verify="none")
    return mcuq.open_firmware(output)


def test_cmsis_nn_runs_the_layers_that_it_covers(firmware, tools, tmp_path):
    """Outputs are compared where they are measured."""
    require("unicorn")
    require_package("bakenn", "bakenn")
    from mcu.cmsis_nn import KINDS, build_bench, find_library, measure_layers

    program = firmware.plan.program
    image = build_bench(find_library(), "cortex-m4", "-O2", tmp_path / "bench")
    cycles = measure_layers(image, program, tmp_path / "counter")
    assert set(cycles) == {i for i, step in enumerate(program.steps) if type(step.op) in KINDS}
    for index, found in cycles.items():
        step = program.steps[index]
        assert 0.5 < found / step.op.macs(program.tensors[step.output].shape) < 60, step.name


def test_bakenn_compiles_a_network_that_computes_the_same(firmware, tools, tmp_path):
    require("unicorn")
    require_package("tflite", "tflite")
    from mcu.bakenn_code import measure_bakenn

    results = list(measure_bakenn(firmware.plan.stored, "digits", tmp_path))
    assert [each.kernels for each in results] == ["portable", "its own for Cortex-M4", "CMSIS-NN"]
    assert all(each.cycles > 0 and each.code_bytes > 1_000 for each in results)


def test_a_layer_that_costs_more_than_with_the_portable_kernel_is_found(firmware, tools, tmp_path):
    require("unicorn")
    from mcu.networks import CORE, build_portable, measure, on_core
    from mcu.offenders import find_offenders

    special = measure(firmware)
    portable = measure(on_core(build_portable(firmware, tmp_path), CORE))
    assert list(find_offenders("digits", special, portable)) == []
    layers, plain = list(special.profile.layers), {layer.kernel for layer in portable.profile.layers}
    number = next(i for i, layer in enumerate(layers) if layer.kernel not in plain)
    layers[number] = dataclasses.replace(layers[number], cycles=10**9)
    slow = dataclasses.replace(special, profile=dataclasses.replace(special.profile, layers=tuple(layers)))
    (found,) = find_offenders("digits", slow, portable)
    assert (found.layer, found.cycles) == (layers[number].name, 10**9)


def test_bars_say_by_how_much(tools):
    from mcu.anchors import BARS, weights_limit
    from mcu.tables import verdict

    assert weights_limit(1000, 10) == 1220
    assert BARS["ad"].arena_limit == 844 + 1280
    assert BARS["vww"].best_cycles == 10_668_000
    assert verdict(90, 100) == "holds, 10.0% below"
    assert verdict(110, 100) == "**misses** by 10 (10.0%)"
