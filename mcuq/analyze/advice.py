"""What to do about the layers that cost most."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mcuq.analyze.layers import LayerError
from mcuq.options import QuantOptions

_FIXED = "its output has a fixed scale: nothing is lost that int8 could keep"


@dataclasses.dataclass(frozen=True, slots=True)
class Advice:
    """One layer worth changing.

    Args:
        layer: its name.
        cause: the largest part of its error.
        share: of the noise at the model's output.
        gain_db: SQNR of the output that would be gained if the layer added no noise.
        action: what to try.
    """

    layer: str
    cause: str
    share: float
    gain_db: float
    action: str


def advise(errors: Sequence[LayerError], options: QuantOptions, count: int = 5) -> tuple[Advice, ...]:
    """The layers whose noise costs most at the output, largest predicted gain first.

    Noise powers of layers add up nearly independently, so what a layer adds alone predicts what its removal
    gains.

    Args:
        errors: of all layers.
        options: in use; what they are already is not advised.
        count: how many layers.
    """
    total = sum(error.isolated_noise for error in errors)
    ranked = sorted(errors, key=lambda error: -error.isolated_noise)
    return tuple(_advice(error, total, options) for error in ranked[:count] if error.isolated_noise > 0)


def _advice(error: LayerError, total: float, options: QuantOptions) -> Advice:
    cause = max(error.causes, key=lambda name: error.causes[name])
    rest = total - error.isolated_noise
    # One layer that makes all the noise would gain without bound; 60 dB is beyond what 8 bits can give.
    gain = min(10 * math.log10(total / rest), 60.0) if rest > 0 else 60.0
    action = _FIXED if error.is_fixed and cause == "output rounding" else _action(cause, options)
    return Advice(error.name, cause, error.isolated_noise / total, gain, action)


def _action(cause: str, options: QuantOptions) -> str:
    """What to try that is not in use."""
    if cause == "weight rounding":
        return f"its weights are too coarse: {_finer_weights(options)}"
    if cause == "multiplier":
        return "its integer arithmetic adds more than expected: report it with the model"
    if cause == "clipping":
        other = (
            "or --calibration-method minmax" if options.method != "minmax" else "or widen it with --config"
        )
        return f"its range cuts values off: calibrate with more samples {other}"
    what = "its input is too coarse" if cause == "input rounding" else "its range is wide for its values"
    if options.activations == "symmetric":
        return f"{what}: leave --activations symmetric out"
    methods = [f"--calibration-method {name}" for name in ("mse", "percentile") if name != options.method]
    producer = " for its producer" if cause == "input rounding" else ""
    return f"{what}: try {' or '.join(methods)}{producer}"


def _finer_weights(options: QuantOptions) -> str:
    if options.weights == "per-tensor":
        return "leave --weights per-tensor out"
    if options.weight_rounding == "nearest":
        return "leave --weight-rounding nearest out"
    tries = ["--weight-rounding adaround"] * (options.weight_rounding != "adaround")
    tries += ["--equalize on"] * (options.equalize != "on")
    if not tries:
        return "nothing finer is left within int8"
    return f"build with {' or '.join(tries)}"
