"""Other tools on the same models and samples, for comparison in one run."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from zoo import Data, Entry

from mcuq.calibrate.runtime import submodule
from mcuq.calibrate.select import select_samples
from mcuq.calibrate.session import open_session

FloatArray = NDArray[np.float32]
METHODS = ("MinMax", "Percentile", "Entropy")


def calibration_samples(data: Data, samples: int) -> FloatArray:
    """The samples that mcuq's defaults take: the classes in turn where there are labels, else random."""
    sampling = "random" if data.cal_y is None else "stratified"
    return data.cal_x[select_samples(len(data.cal_x), samples, sampling, data.cal_y)]


def preprocessed(path: Path, folder: Path) -> Path:
    """The model as onnxruntime's manual asks for it: shapes inferred, normalizations folded.

    Shapes are static here, so that the symbolic inference, which needs another package, has nothing to add.
    """
    target = folder / "preprocessed.onnx"
    prepare = submodule("quantization.shape_inference").quant_pre_process
    prepare(str(path), str(target), skip_symbolic_shape=True)
    return target


def onnxruntime_static(entry: Entry, data: Data, method: str, samples: int) -> FloatArray:
    """Outputs `[n, features]` on the evaluation half of onnxruntime's static quantization.

    QDQ, signed int8 weights and activations, per channel, graph optimizations off: its fused kernels saturate
    on some processors.

    Args:
        entry: the model.
        data: its data; the same samples calibrate as for mcuq.
        method: a name of `onnxruntime.quantization.CalibrationMethod`.
        samples: how many.
    """
    import onnx

    q = submodule("quantization")
    logging.disable(logging.WARNING)
    name = onnx.load(entry.path).graph.input[0].name
    chosen = calibration_samples(data, samples)

    class Reader(q.CalibrationDataReader):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self._feeds: Iterator[dict[str, FloatArray]] = iter(
                [{name: chosen[index : index + 1]} for index in range(len(chosen))]
            )

        def get_next(self) -> dict[str, FloatArray] | None:
            return next(self._feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantized.onnx"
        q.quantize_static(
            str(preprocessed(entry.path, Path(folder))),
            str(target),
            Reader(),
            per_channel=True,
            activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8,
            calibrate_method=getattr(q.CalibrationMethod, method),
        )
        session = open_session(target, is_optimized=False, threads=0)
        outputs = [
            session.run(None, {name: data.eval_x[i : i + 1]})[0].reshape(-1) for i in range(len(data.eval_x))
        ]
    return np.stack(outputs)
