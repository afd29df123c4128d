"""What to do about the layers that cost most."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mcuq.analyze.layers import LayerError

_ACTIONS = {
    "weight rounding": "its weights are too coarse: keep per-channel scales and second-order rounding on, "
    "or equalize its channels with its neighbours",
    "input rounding": "its input is too coarse: try --calibration-method mse or percentile for its producer",
    "clipping": "its range cuts values off: calibrate with more samples or --calibration-method minmax",
    "output rounding": "its range is wide for its values: try --calibration-method mse or percentile",
    "multiplier": "its integer arithmetic adds more than expected: report it with the model",
}
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


def advise(errors: Sequence[LayerError], count: int = 5) -> tuple[Advice, ...]:
    """The layers whose noise costs most at the output, largest predicted gain first.

    Noise powers of layers add up nearly independently, so what a layer adds alone predicts what its removal
    gains.
    """
    total = sum(error.isolated_noise for error in errors)
    ranked = sorted(errors, key=lambda error: -error.isolated_noise)
    return tuple(_advice(error, total) for error in ranked[:count] if error.isolated_noise > 0)


def _advice(error: LayerError, total: float) -> Advice:
    cause = max(error.causes, key=lambda name: error.causes[name])
    rest = total - error.isolated_noise
    # One layer that makes all the noise would gain without bound; 60 dB is beyond what 8 bits can give.
    gain = min(10 * math.log10(total / rest), 60.0) if rest > 0 else 60.0
    action = _FIXED if error.is_fixed and cause == "output rounding" else _ACTIONS[cause]
    return Advice(error.name, cause, error.isolated_noise / total, gain, action)
