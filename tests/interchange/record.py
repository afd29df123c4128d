"""Writes `recorded` again: `python -m tests.interchange.record`, where esp-ppq and aimet-onnx are installed.

The files are of `models.small_model`. PPQ's hashes come from the clock and change every time.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx

from tests.interchange.models import small_model

FOLDER = Path(__file__).parent / "recorded"


def record_ppq(model: Path) -> None:
    """PPQ's native JSON on two platforms, and its ncnn table."""
    import torch
    from esp_ppq import QuantizationSettingFactory, TargetPlatform
    from esp_ppq.api import export_ppq_graph, quantize_onnx_model
    from esp_ppq.parser.ncnn_exporter import NCNNExporter

    rng = np.random.default_rng(0)
    data = [torch.tensor(rng.normal(size=(1, 2, 6, 6)).astype(np.float32)) for _ in range(16)]
    for platform, name in (("TRT_INT8", "trt"), ("PPL_DSP_INT8", "dsp"), ("NCNN_INT8", "ncnn")):
        graph = quantize_onnx_model(
            onnx_import_file=str(model),
            calib_dataloader=data,
            calib_steps=len(data),
            input_shape=[1, 2, 6, 6],
            platform=TargetPlatform[platform],
            setting=QuantizationSettingFactory.default_setting(),
            collate_fn=lambda each: each,
            device="cpu",
            verbose=0,
        )
        if name == "ncnn":
            NCNNExporter().export_quantization_config(str(FOLDER / "ppq_ncnn.table"), graph)
            continue
        written = FOLDER / f"ppq_{name}.json"
        export_ppq_graph(
            graph,
            platform=TargetPlatform.ONNX,
            graph_save_to=str(model.with_name(f"{name}.onnx")),
            config_save_to=str(written),
        )
        _tidy(written)


def record_aimet(model: Path) -> None:
    """AIMET's encodings in every version that it writes."""
    from aimet_onnx.quantsim import QuantizationSimModel

    sim = QuantizationSimModel(onnx.load(model))
    rng = np.random.default_rng(0)
    sim.compute_encodings([{"image": rng.normal(size=(1, 2, 6, 6)).astype(np.float32)} for _ in range(16)])
    for version in ("0.6.1", "1.0.0", "2.0.0"):
        sim.export(str(FOLDER), f"aimet_{version}", encoding_version=version, export_model=False)
        _tidy(FOLDER / f"aimet_{version}.encodings")


def _tidy(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")), indent=1) + "\n", "utf-8")


def explicit(path: Path) -> Path:
    """The model with attributes that both tools want, although they are ONNX's defaults."""
    model = onnx.load(path)
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    for key, value in {"kernel_shape": [3, 3], "group": 1, "pads": [0] * 4, "strides": [1, 1]}.items():
        conv.attribute.append(onnx.helper.make_attribute(key, value))
    onnx.save(model, path)
    return path


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = explicit(small_model(Path(folder)))
        record_ppq(path)
        record_aimet(path)
