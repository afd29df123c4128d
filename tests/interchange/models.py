"""Small float models, and how their tensors are quantized."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.frontend import read
from mcuq.ir.program import Program
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import Compiled, compile_model
from tests.small_models import Net, save

NEAREST = QuantOptions(weight_rounding="nearest")


def small_net() -> Net:
    """Convolution, pool and layer, with names that other tools would write."""
    net = Net(image=[1, 2, 6, 6])
    w = net.const(net.rng.normal(size=(4, 2, 3, 3)), "conv.weight")
    y = net.add("Conv", "image", w, net.const(net.rng.normal(size=4), "conv.bias"), outputs=["conv_out"])
    y = net.add("Relu", y, outputs=["relu_out"])
    y = net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2], outputs=["pool_out"])
    y = net.add("Flatten", y, outputs=["flat"])
    w = net.const(net.rng.normal(size=(5, 16)), "fc.weight")
    net.add("Gemm", y, w, net.const(net.rng.normal(size=5), "fc.bias"), transB=1, outputs=["logits"])
    return net


ACTIVATIONS = {
    "image": (0.03125, 5),
    "relu_out": (0.049, -128),
    "logits": (0.11, 12),
}


def small_model(folder: Path) -> Path:
    return save(small_net().model("logits"), folder)


def samples(count: int = 6) -> CalibrationData:
    rng = np.random.default_rng(3)
    return samples_of("image", rng.normal(size=(count, 1, 2, 6, 6)))


def samples_of(name: str, data: np.ndarray) -> CalibrationData:
    return CalibrationData(Samples.from_arrays({name: data.astype(np.float32)}))


def write(folder: Path, document: object, name: str = "encodings.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def compile_with(
    model: Path,
    encodings: Path | None = None,
    data: CalibrationData | None = None,
    options: QuantOptions = NEAREST,
) -> Compiled:
    return compile_model(calibrate_model(read(model), data, options, encodings=encodings), options)


def quant(program: Program) -> dict[str, tuple[float, int]]:
    """Scale and zero point of every tensor."""
    return {each.name: (each.quant.step, each.quant.zero_point) for each in program.tensors}


def outcomes(compiled: Compiled) -> dict[tuple[str, str], str]:
    """What became of each parameter, by tensor and what it is."""
    return {(note.tensor, note.what): note.outcome.value for note in compiled.imported}
