"""The calibration methods by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mcuq.calibrate.kl import kl
from mcuq.calibrate.mean import mean
from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.mse import mse
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.percentile import percentile
from mcuq.calibrate.store import TensorStore

Method = Callable[[TensorStore, Scheme], Range]

METHODS: Mapping[str, Method] = MappingProxyType(
    {"mse": mse, "minmax": minmax, "percentile": percentile, "kl": kl, "mean": mean}
)
DEFAULT_METHOD = "mse"
# Not a method of its own: for each tensor one of the others.
AUTO = "auto"
