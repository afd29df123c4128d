"""The one place that imports onnxruntime: its telemetry is off before the library is loaded.

From 1.32 on onnxruntime writes a device id and a queue of usage events into the user's cache folder and looks
for the host that collects them, unless the environment says otherwise before its first import.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort

__all__ = ["ort", "submodule"]

# Also where another library had loaded it before; older versions have no such function.
if hasattr(ort, "disable_telemetry_events"):
    ort.disable_telemetry_events()


def submodule(name: str) -> ModuleType:
    """A module below onnxruntime that it does not import itself.

    Args:
        name: as "quantization.shape_inference".
    """
    return importlib.import_module(f"onnxruntime.{name}")
