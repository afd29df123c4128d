"""What the kernels of weighted layers for DSP cores share: parameters as their C structs hold them."""

from __future__ import annotations

from mcuq.ir.plan import CArray
from mcuq.ir.types import Int8, freeze
from mcuq.kernels.dsp_requant import DspChannels, dsp_channels
from mcuq.ops.linear import LinearStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window

Fields = tuple[tuple[str, int], ...]


def round_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> round_up(9, 4)
    12
    """
    return -(-value // multiple) * multiple


def exact_channels(params: WeightedParams) -> DspChannels:
    """Channels of a step that was accepted."""
    found = dsp_channels(params)
    assert not isinstance(found, str), found
    return found


def channels_refusal(params: WeightedParams) -> str | None:
    """Why the shortcut cannot compute a step, or None."""
    found = dsp_channels(params)
    return found if isinstance(found, str) else None


def small_refusal(op: LinearStep) -> str | None:
    """Why a plain loop is faster, or None: preparing the input costs more than few products save.

    Source: cycles of both on the Cortex-M4 model, as sums of what they spend per call, input and output.
    """
    m, k = op.params.weights.shape
    plain = 60 + m * (45 + 9 * k)
    prepared = 300 + 2 * k + -(-m // 4) * (80 + 5 * k)
    if plain < prepared:
        return f"{m} outputs of {k} inputs are too few: about {prepared} cycles, a plain loop takes {plain}"
    return None


def channel_arrays(channels: DspChannels, packed: Int8, comment: str) -> tuple[CArray, ...]:
    """What a kernel reads per channel, and its packed weights."""
    return (
        CArray("weights", freeze(packed.reshape(-1)), comment),
        CArray("bias", freeze(channels.bias), "bias, the input's zero point folded in"),
        CArray("multiplier", freeze(channels.multiplier), "multipliers"),
        CArray("right", freeze(channels.right), "right shifts"),
    )


def clamp_fields(params: WeightedParams) -> Fields:
    """The output's zero point and limits."""
    return (("y_zero_point", params.y_zero_point), ("lo", params.lo), ("hi", params.hi))


def window_fields(window: Window, with_dilation: bool) -> Fields:
    """The members of a parameter struct that describe a window."""
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.strides, window.dilations
    fields: Fields = (("kernel_h", kh), ("kernel_w", kw), ("stride_h", sh), ("stride_w", sw))
    if with_dilation:
        fields += (("dilation_h", dh), ("dilation_w", dw))
    return (*fields, ("pad_top", window.pads[0]), ("pad_left", window.pads[1]))
