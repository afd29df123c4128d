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
    from mcu.cmsis_nn import KINDS, build_bench, measure_layers
    from mcu.library import find_library

    program = firmware.plan.program
    image = build_bench(find_library(), "cortex-m4", "-O2", tmp_path / "bench")
    cycles = measure_layers(image, program, tmp_path / "counter")
    assert set(cycles) == {i for i, step in enumerate(program.steps) if type(step.op) in KINDS}
    for index, (_, found) in cycles.items():
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
    require("arm-none-eabi-gcc")  # whose code the times are of by which kernels are chosen
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
    assert BARS["vww"].best_cycles == 10_668_000
    assert verdict(90, 100) == "holds, 10.0% below"
    assert verdict(110, 100) == "**misses** by 10 (10.0%)"


def test_library_is_found_in_a_folder_that_is_named(tools, tmp_path):
    from mcu.library import find_library

    with pytest.raises(FileNotFoundError, match="holds no CMSIS-NN"):
        find_library(tmp_path)
    (tmp_path / "Include").mkdir()
    header = "* $Date:        21 May 2026\n * $Revision:    V.3.6.1\n"
    (tmp_path / "Include" / "arm_nn_types.h").write_text(header, "utf-8")
    sources = tmp_path / "Source" / "ConvolutionFunctions"
    sources.mkdir(parents=True)
    for name in ("arm_convolve_s8", "arm_convolve_f16", "arm_convolve_1x1_f32"):
        (sources / f"{name}.c").touch()
    found = find_library(tmp_path)
    assert found.title.endswith("says 21 May 2026, V.3.6.1")
    assert [path.name for path in found.sources] == ["arm_convolve_s8.c"]


def test_convolutions_are_counted_on_a_core_beside_the_library(firmware, tools, tmp_path, monkeypatch):
    require("unicorn")
    require_package("bakenn", "bakenn")
    from mcu import cores
    from mcu.library import find_library

    monkeypatch.setattr(cores, "CORE_BARS", {"cortex-m3": {"digits": (10**9, 1)}})
    (found,) = cores.measure_cores({"digits": firmware}, find_library(), tmp_path)
    assert 0 < found.macs < found.ours < found.whole
    assert set(found.library) == {"-O2", "-Ofast"} and min(found.library.values()) > found.macs
    row = list(cores.cores_section([found]))[-2]
    assert row.startswith("| cortex-m3 | digits |") and "holds" in row and "**misses** by" in row


def test_every_aim_is_measured_and_held_to_its_limits(firmware, tools, tmp_path, monkeypatch):
    require("unicorn")
    from mcu import modes

    monkeypatch.setattr(
        modes, "BARS", {"digits": dataclasses.replace(modes.BARS["ad"], speed_cycles=(1, 10**9))}
    )
    found = list(modes.measure_modes({"digits": firmware}, tmp_path))
    assert [each.optimize.value for each in found][:2] == ["speed", "balanced"]
    text = "\n".join(modes.modes_section(iter(found)))
    assert "| digits | speed, cycles, must |" in text and "**misses** by" in text and "holds, " in text
