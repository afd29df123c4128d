"""The integer weights of a layer whose scales, and perhaps codes, a file gives."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.encodings import ConstantEncoding, Note, Outcome
from mcuq.ir.integer import INT32_MAX, round_half_away_array
from mcuq.ir.types import Array, DType, Float64, QuantParams, freeze
from mcuq.quantize.weights import QuantizedWeights

# Scales of a bias are products in float32, and the values of a folded layer are rounded to float32.
_TOLERANCE = 2.0**-20
_TINY = float(np.finfo(np.float32).tiny)


class Unusable(Exception):
    """Parameters of a constant that do not fit a layer.

    Args:
        code: of `errors.CODES`.
        why: found and expected values.
        fix: what the user can do.
    """

    def __init__(self, code: str, why: str, fix: str) -> None:
        """Keep the lines of the message."""
        super().__init__(why)
        self.code, self.why, self.fix = code, why, fix


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer with constant weights, before and after the passes.

    Args:
        weights: float `[M, ...]`, as quantized.
        bias: float `[M]`, as quantized.
        original: the weights before other operators were folded into them, None where unknown.
        axis: of the output channels in the file's layout.
        rank: number of axes of the weights in the file.
    """

    weights: Array
    bias: Array
    original: Array | None
    axis: int
    rank: int


def import_weights(
    layer: Layer, encoding: ConstantEncoding, own_scale: Float64, name: str
) -> tuple[Array, Float64, Note]:
    """Codes `[M, ...]` and scales `[M]` of a layer's weights.

    Args:
        layer: the layer.
        encoding: what the file says about its weights.
        own_scale: of channels for which the file says nothing (NaN).
        name: of the constant, for the note.

    Returns:
        int8 codes, float32-exact scales, and what became of the file's parameters.

    Raises:
        Unusable: M004, Q005 or Q010.
    """
    if encoding.bits == 16:
        raise Unusable("M004", "its weights are int16", "quantize weights to 8 bits")
    given = _scales(layer, encoding)
    found = after_passes(layer, given)
    if found is None:
        raise Unusable(
            "Q010", "an operator is folded into the layer, each input channel differently",
            "fold it before quantizing, or leave the encodings of these weights out",
        )  # fmt: skip
    scale, reason = np.where(np.isnan(found[0]), own_scale, found[0]), found[1]
    rows = layer.weights.reshape(len(layer.weights), -1).astype(np.float64)
    real_codes = round_half_away_array(rows / scale[:, None])
    codes = np.clip(real_codes, *encoding.limits)
    detail = (
        f"{_shown(encoding)}, {'codes of the file' if encoding.codes is not None else 'rounded to nearest'}"
    )
    if encoding.codes is not None:
        reason = _check_codes(layer, encoding, rows, scale, real_codes, reason)
    outcome = Outcome.USED if reason is None else Outcome.CHANGED
    note = Note(name, "weights", outcome, detail if reason is None else f"{detail}; {reason}")
    return freeze(codes.reshape(layer.weights.shape), "int8"), scale, note


def _scales(layer: Layer, encoding: ConstantEncoding) -> Float64:
    """One scale per output channel, before anything was folded into the layer."""
    channels = len(layer.weights)
    scale = np.array(encoding.scale, np.float64)
    if encoding.axis is not None and scale.size > 1 and (encoding.axis - layer.axis) % layer.rank:
        raise Unusable(
            "M004",
            f"its {scale.size} scales lie along axis {encoding.axis}, its output channels along axis "
            f"{layer.axis % layer.rank}",
            "quantize the weights per output channel, or per tensor",
        )
    if scale.size not in (1, channels):
        raise Unusable(
            "Q005",
            f"there are {scale.size} scales for {channels} output channels",
            "quantize the model again",
        )
    if encoding.codes is None and not encoding.is_symmetric:
        raise Unusable(
            "Q010",
            f"the zero point of its weights is {_first(encoding.zero_point)}",
            "use symmetric weights: zero point 0",
        )
    return np.broadcast_to(scale, (channels,))


def _first(zero_point: tuple[int, ...]) -> int:
    return next(value for value in zero_point if value)


def after_passes(layer: Layer, scale: Float64) -> tuple[Float64, str | None] | None:
    """The scales after the passes moved or scaled whole rows, and what they did; None for other changes.

    Args:
        layer: before and after the passes.
        scale: of each output channel before them.
    """
    if layer.original is None:
        return scale, None
    count = len(layer.weights)
    before, after = (
        np.sort(np.abs(array.reshape(count, -1).astype(np.float32)), axis=1)
        for array in (layer.original, layer.weights)
    )
    if before.shape != after.shape:
        return None
    if np.array_equal(before, after):
        return scale, None
    places = {row.tobytes(): index for index, row in enumerate(before)}
    order = [places.get(row.tobytes(), -1) for row in after]
    if min(order) >= 0:
        return scale[order], None
    # A dead row of the file stays dead; one that became dead has any scale.
    largest = before[:, -1].astype(np.float64)
    ratio = np.where(largest > 0, after[:, -1] / np.where(largest > 0, largest, 1), 1)
    if np.abs(after - before * ratio[:, None]).max() > _TOLERANCE * after.max(initial=0):
        return None
    scaled = (scale * np.where(ratio > 0, ratio, 1)).astype(np.float32).astype(np.float64)
    return np.maximum(scaled, _TINY), "scales multiplied by the normalization folded into the layer"


def _check_codes(
    layer: Layer,
    encoding: ConstantEncoding,
    rows: Float64,
    scale: Float64,
    codes: Float64,
    reason: str | None,
) -> str | None:
    """Check that the codes are those of the file; what changed, None for nothing."""
    assert encoding.codes is not None
    if codes.min(initial=0) < -128 or codes.max(initial=0) > 127:
        if not encoding.is_symmetric:
            raise Unusable(
                "M004",
                f"its weights have zero point {_first(encoding.zero_point)}, and codes from "
                f"{int(codes.min())} to {int(codes.max())} without it",
                "use symmetric weights: zero point 0 (onnxruntime: WeightSymmetric=True, or QInt8 weights)",
            )
        reason = "code -128 changed its sign and became 127"
    elif np.abs(codes * scale[:, None] - rows).max(initial=0) > _TOLERANCE * np.abs(rows).max(initial=0):
        raise Unusable(
            "Q006",
            "its codes and scales do not give the values that the layer has",
            "report it, with the model",
        )
    if not encoding.is_symmetric:
        return f"zero point {_first(encoding.zero_point)} moved into the codes, exactly"
    return reason


def import_bias(
    layer: Layer, encoding: ConstantEncoding | None, x_scale: float, scale: Float64, name: str
) -> tuple[Array, Note]:
    """Bias codes `[M]`, with scales `s_x * s_w`: those of the file where they are of these scales.

    Raises:
        Unusable: Q002 where a code leaves int32.
    """
    step = x_scale * scale
    codes = round_half_away_array(layer.bias.astype(np.float64) / step)
    note = Note(name, "bias", Outcome.OWN, "rounded to the scales of input and weights")
    if encoding is not None and encoding.codes is not None:
        kept = _kept_bias(layer, encoding, step)
        codes = codes if kept is None else kept
        note = Note(name, "bias", Outcome.USED, "codes of the file")
        if kept is None:
            why = "another operator is folded into it, or its scale is not that of input times weights"
            note = Note(name, "bias", Outcome.CHANGED, f"rounded again: {why}")
    if np.abs(codes).max(initial=0) > INT32_MAX:
        channel = int(np.abs(codes).argmax())
        raise Unusable(
            "Q002",
            f"the bias of channel {channel} has code {codes[channel]:.0f}, the limit is {INT32_MAX:_}",
            "use larger scales for the input or the weights",
        )
    return freeze(codes, "int32"), note


def _kept_bias(layer: Layer, encoding: ConstantEncoding, step: Float64) -> Float64 | None:
    """The codes of the file, None where they mean something else here."""
    codes = np.asarray(encoding.codes).reshape(-1).astype(np.float64)
    given = np.array(encoding.scale, np.float64)
    if codes.shape != layer.bias.shape or not encoding.is_symmetric:
        return None
    if (np.abs(given - step) > _TOLERANCE * step).any():
        return None
    real = codes.astype(np.float32) * np.array(encoding.scale, np.float32)
    return codes if np.array_equal(real, layer.bias.astype(np.float32)) else None


def combine(
    codes: Array, scale: Float64, bias: Array, x_scale: float, encoding: ConstantEncoding | None = None
) -> QuantizedWeights:
    """Weights and bias with their parameters; weights of four bits in the file stay so where they fit."""
    fits = encoding is not None and encoding.bits == 4
    fits = fits and DType.INT4.qmin <= codes.min() and codes.max() <= DType.INT4.qmax
    bias_scale = np.maximum((x_scale * scale).astype(np.float32), np.float32(_TINY))
    return QuantizedWeights(
        codes,
        QuantParams(tuple(scale.tolist()), 0, DType.INT4 if fits else DType.INT8, axis=0),
        bias,
        QuantParams(tuple(bias_scale.astype(float).tolist()), 0, DType.INT32, axis=0),
    )


def _shown(encoding: ConstantEncoding) -> str:
    known = [each for each in encoding.scale if each == each] or [1.0]
    low, high = min(known), max(known)
    return f"scale {low:.9g}" if low == high else f"{len(encoding.scale)} scales {low:.9g} to {high:.9g}"
