"""The pack of models and data that lies beside the checkout; tests that need it are skipped elsewhere."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MCUQ_SHARED") or Path(__file__).resolve().parents[2] / "shared")

MODELS = (
    "mlperf_tiny/models/ad_autoencoder.onnx",
    "mlperf_tiny/models/ic_resnet8.onnx",
    "mlperf_tiny/models/ic_resnet8_nchw.onnx",
    "mlperf_tiny/models/kws_dscnn.onnx",
    "mlperf_tiny/models/kws_dscnn_nchw.onnx",
    "mlperf_tiny/models/vww_mobilenetv1.onnx",
    "model_zoo/mcunet_vww_80_dq.onnx",
    "model_zoo/mltk_keyword_spotting_mobilenetv2.onnx",
    "model_zoo/mltk_tflite_micro_speech.onnx",
    "model_zoo/mnist_onnxzoo.onnx",
    "model_zoo/tflm_hello_world.onnx",
    "model_zoo/tflm_person_detect_dq.onnx",
)


def shared_file(name: str) -> Path:
    """The path of a file of the pack; skips the test where the pack is missing, fails it in CI."""
    path = SHARED / name
    if not path.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"'{name}' is missing from {SHARED}, and CI has to run this test", pytrace=False)
        pytest.skip(f"'{name}' is not in {SHARED} (set MCUQ_SHARED)")
    return path
