"""What to do about the parts of the noise that cost most."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.analyze.layers import LayerError
from mcuq.analyze.noise import NoiseBudget, NoisePart
from mcuq.options import QuantOptions

_FIXED = "its output has a fixed scale: nothing is lost that int8 could keep"


@dataclasses.dataclass(frozen=True, slots=True)
class Advice:
    """One part of the noise worth changing.

    Args:
        layer: whose weights, or whose output; or the model's input.
        cause: what makes it.
        share: of the noise at the model's judged tensors.
        gain_db: SQNR there that would be gained without it.
        action: what to try.
    """

    layer: str
    cause: str
    share: float
    gain_db: float
    action: str


def advise(
    budget: NoiseBudget, errors: Sequence[LayerError], options: QuantOptions, count: int = 5
) -> tuple[Advice, ...]:
    """The parts of the noise whose absence would gain most, largest predicted gain first.

    Args:
        budget: the parts.
        errors: of all layers, for what makes the error of an output.
        options: in use; what they are already is not advised.
        count: how many parts.
    """
    by_tensor = {error.tensor: error for error in errors}
    ranked = sorted(budget.parts, key=lambda part: -part.gain_db)
    return tuple(
        _advice(part, by_tensor.get(part.tensor), options) for part in ranked[:count] if part.gain_db > 0
    )


def _advice(part: NoisePart, error: LayerError | None, options: QuantOptions) -> Advice:
    cause = _cause(part, error)
    is_fixed = error is not None and error.is_fixed and cause == "output rounding"
    action = _FIXED if is_fixed else _action(cause, options)
    return Advice(part.layer, cause, part.share, part.gain_db, action)


def _cause(part: NoisePart, error: LayerError | None) -> str:
    """What makes a part: of an output's error the largest that integers do there."""
    if part.kind == "weights":
        return "weight rounding"
    if error is None:
        return "input rounding"
    causes = error.causes
    return max(("output rounding", "clipping", "multiplier"), key=lambda name: causes[name])


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
    if cause == "input rounding":
        return "8 bits are coarse for it: give --input-range if it is narrower than what was seen"
    what = "its range is wide for its values"
    if options.activations == "symmetric":
        return f"{what}: leave --activations symmetric out"
    methods = [f"--calibration-method {name}" for name in ("mse", "percentile") if name != options.method]
    return f"{what}: try {' or '.join(methods)}"


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
