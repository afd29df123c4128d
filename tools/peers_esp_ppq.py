"""esp-ppq's quantization of a model, run by an interpreter that has esp-ppq, which needs other versions.

    python tools/peers_esp_ppq.py MODEL SETTING SAMPLES.npz OUTPUTS.npy

SETTING is TRT or ESPDL: its defaults for that platform, without training. SAMPLES holds "calibration" and
"evaluation", `[n, *model shape without batch]`; OUTPUTS gets what its own simulator gives, `[n, features]`.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from esp_ppq import QuantizationSettingFactory, TargetPlatform
from esp_ppq.api import quantize_onnx_model
from esp_ppq.executor import TorchExecutor

_SETTINGS = {
    "TRT": (TargetPlatform.TRT_INT8, QuantizationSettingFactory.trt_setting),
    "ESPDL": (TargetPlatform.ESPDL_INT8, QuantizationSettingFactory.espdl_setting),
}
_TOGETHER = 64


def main(model: str, setting: str, samples: str, target: str) -> None:
    """Calibrate on some samples, run the quantized graph on others."""
    platform, made = _SETTINGS[setting]
    arrays = np.load(samples)
    calibration = [torch.from_numpy(x[None]) for x in arrays["calibration"]]
    graph = quantize_onnx_model(
        model,
        calib_dataloader=calibration,
        calib_steps=len(calibration),
        input_shape=list(calibration[0].shape),
        platform=platform,
        setting=made(),
        collate_fn=lambda x: x,
        device="cpu",
    )
    executor = TorchExecutor(graph=graph, device="cpu")
    found = arrays["evaluation"]
    # Models of images have the batch of 1 in a reshape.
    together = _TOGETHER if found.ndim == 2 else 1
    rows = [
        executor(torch.from_numpy(found[start : start + together]))[0].detach().numpy()
        for start in range(0, len(found), together)
    ]
    np.save(target, np.concatenate(rows).reshape(len(found), -1).astype(np.float32))


if __name__ == "__main__":
    main(*sys.argv[1:])
