"""Exports of real networks: what leaves computes the same codes, and gives the same firmware again."""

import numpy as np
import pytest

from mcuq.calibrate.session import open_session
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.export import export
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.shared_data import shared_file

NETWORKS = {"ic": "ic_resnet8", "kws": "kws_dscnn", "vww": "vww_mobilenetv1", "ad": "ad_autoencoder"}
MEASURED = 24


def inputs(task):
    """Calibration and evaluation samples, `[n, *shape]`."""
    with np.load(shared_file(f"mlperf_tiny/data/{task}.npz")) as pack:
        if task == "ad":
            return [pack[key].reshape(len(pack[key]), -1)[:, :640] for key in ("cal_spec", "eval_spec")]
        zero, scale = np.float32(pack["float_zero_point"]), pack["float_scale"]
        return [(pack[key].astype(np.float32) - zero) * scale for key in ("cal_x", "eval_x")]


def built(task, folder, calibration=None, **options):
    model = shared_file(f"mlperf_tiny/models/{NETWORKS[task]}.onnx")
    if calibration is not None:
        np.save(folder / "data.npy", calibration)
        options["calibration"] = CalibrationData(folder / "data.npy")
    output = folder / f"firmware{len(list(folder.iterdir()))}"
    return build(model, "cortex-m4", output=output, name=task, verify="none", **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "widths", [{}, {"weight_bits": 4}, {"activation_bits": 16}], ids=["8x8", "4x8", "8x16"]
)
@pytest.mark.parametrize("task", NETWORKS)
def test_exported_qdq_gives_the_codes_of_the_simulator(tmp_path, task, widths):
    calibration, evaluation = inputs(task)
    result = built(task, tmp_path, calibration[:32], options=QuantOptions(**widths))
    export(result.directory, "qdq", tmp_path / "net.onnx")
    session = open_session(tmp_path / "net.onnx", is_optimized=False)
    program = result.plan.program
    (port,) = program.inputs
    values = evaluation[:MEASURED].reshape(-1, *port.model_shape)
    ((name, expected),) = dequantize_outputs(
        program, simulate_program(program, quantize_inputs(program, {port.name: values}))
    ).items()
    found = np.stack([session.run([name], {port.name: each})[0] for each in values])
    step = program.tensors[program.outputs[0].tensor].quant.step
    off = np.abs(found.reshape(expected.shape) - expected) / step
    assert (off < 1.5).mean() >= 0.999


@pytest.mark.slow
@pytest.mark.parametrize("options", [QuantOptions(), QuantOptions(weight_rounding="nearest", equalize="off")])
@pytest.mark.parametrize("task", NETWORKS)
def test_own_json_gives_the_same_firmware_again(tmp_path, task, options):
    calibration, _ = inputs(task)
    first = built(task, tmp_path, calibration[:16], options=options)
    export(first.directory, "json", tmp_path / "net.json")
    second = built(task, tmp_path, options=options, encodings=tmp_path / "net.json")
    assert first.files == second.files
    assert first.files
