"""mcuq compiles trained ONNX models to fixed-point C for microcontrollers.

>>> import mcuq
>>> result = mcuq.build("model.onnx", "cortex-m4", calibration="data.npy")  # doctest: +SKIP
>>> result.report.is_identical  # doctest: +SKIP
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mcuq.api import build, check, evaluate, lock, open_firmware, simulate
    from mcuq.errors import McuqError
    from mcuq.options import QuantOptions

__all__ = [
    "McuqError",
    "QuantOptions",
    "__version__",
    "build",
    "check",
    "evaluate",
    "lock",
    "open_firmware",
    "simulate",
]

_HOMES = {"McuqError": "mcuq.errors", "QuantOptions": "mcuq.options"}


def __getattr__(name: str) -> object:
    """Import the API when it is first used: the version alone costs nothing.

    `mcuq.api.verify` is not repeated here: the package `mcuq.verify` has that name.
    """
    import importlib

    if name not in __all__:
        raise AttributeError(f"module 'mcuq' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "mcuq.api")), name)
