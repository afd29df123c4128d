"""Mutants of what comes before the C: integers, lowering with its proofs, packing and its limits."""

from __future__ import annotations

from tests.mutants.change import Change, changes

_INTEGER = ("tests/ops/test_integer.py", "tests/ops/test_finish.py", "tests/ops/test_reference.py")
_LOWERING = ("tests/quantize/test_lowering.py", "tests/quantize/test_proofs.py", "tests/ops/test_finish.py")


def _kernels(*names: str) -> tuple[str, ...]:
    """Their limits, and what they compute."""
    chosen = " or ".join(f"(special_kernels_keep and {name})" for name in names)
    return ("tests/kernels/test_isolated.py", "-k", f"limits or {chosen}")


# Which tests notice changes of a module: pytest's arguments.
TESTS: dict[str, tuple[str, ...]] = {
    "mcuq/ir/integer.py": _INTEGER,
    "mcuq/ir/op.py": _LOWERING,
    "mcuq/ops/weighted.py": (*_LOWERING, "tests/ops/test_reference.py"),
    "mcuq/ops/arithmetic.py": (*_LOWERING, "tests/ops/test_reference.py"),
    "mcuq/ops/pool.py": _LOWERING,
    "mcuq/kernels/armv7em/requantize.py": _kernels("gemm", "add", "dsp"),
    "mcuq/kernels/armv7em/paired.py": _kernels("paired"),
    "mcuq/kernels/armv7em/short_form.py": _kernels("paired"),
    "mcuq/kernels/armv7em/depthwise.py": _kernels("depthwise"),
    "mcuq/kernels/armv7em/weighted.py": _kernels("gemm", "dsp"),
    "mcuq/kernels/armv7em/conv.py": _kernels("conv2d"),
    "mcuq/kernels/armv7em/matrix_conv.py": _kernels("conv2d"),
    "mcuq/kernels/armv7em/linear.py": _kernels("linear"),
    "mcuq/kernels/armv7em/arithmetic.py": _kernels("add"),
    "mcuq/kernels/armv7em/pool.py": _kernels("mean"),
    "mcuq/kernels/fields.py": _kernels("gemm", "dsp"),
}
_NOTICED: dict[str, tuple[str, ...]] = {
    "mcuq/ir/integer.py": (
        "whole += abs(value) - whole >= 0.5 => whole += abs(value) - whole > 0.5",
        "round_half_away(fraction * 2.0**31) => round_half_away(fraction * 2.0**30)",
        "multiplier // 2, exponent + 1 => multiplier // 2, exponent",
        "exponent < -31 => exponent < -30",
        "high += 1 << 30 => high += 1 << 29",
        "high >>= 31 => high >>= 30",
        "nudge = high >> 63 => nudge = 0 * high",
        "nudge += (np.int64(1) << right) >> 1 => nudge += np.int64(1) << right",
        "nudge &= -(right > 0).astype(np.int64) => nudge &= -(right > 1).astype(np.int64)",
        "(30 - shift)) + 1) >> 1 => (30 - shift)) + 0) >> 1",
        "np.maximum(-shift, 0) => np.maximum(-shift, 1)",
        "-31 <= s <= 30 => -32 <= s <= 30",
        "2**29 <= m <= INT32_MAX => 2**28 <= m <= INT32_MAX",
    ),
    "mcuq/ir/op.py": (
        "quantize_value(self.lo, quant), quantize_value(self.hi, quant)"
        " => quantize_value(self.lo, quant), 127",
        "quantize_value(self.lo, quant), quantize_value(self.hi, quant)"
        " => -128, quantize_value(self.hi, quant)",
    ),
    "mcuq/ops/weighted.py": (
        "astype(np.int64) - self.x_zero_point * taps => astype(np.int64) + self.x_zero_point * taps",
        "x.quant.step * scale / y.quant.step => x.quant.step * scale * y.quant.step",
        "(largest << max(shift, 0)) + 256 > INT32_MAX => largest + 256 > INT32_MAX",
        "shift > 30 or => shift > 31 or",
        "high = np.maximum(w * (x.lo - z) => high = np.maximum(w * (x.lo + z)",
        "worst += [-(np.minimum(low, 0).sum(axis=1) + np.minimum(start, 0))] => worst += []",
        "folded = start - z * w.sum(axis=1) => folded = start + z * w.sum(axis=1)",
        "* left + 256] => * left]",
        "bound[channel] > INT32_MAX => bound[channel] > INT32_MAX + 1",
        "x_zero_point=x.quant.zero_point => x_zero_point=y.quant.zero_point",
        "y_zero_point=y.quant.zero_point => y_zero_point=0",
        "clamp.codes(y.quant) => clamp.codes(x.quant)",
        "y = scale.apply(v) ~~ y += zero_point => y += 0",
        "np.clip(y, lo, hi, out=y) => np.clip(y, lo, 127, out=y)",
        "np.clip(found, self.lo - 0.25 => np.clip(found, -128.25",
        "self.hi + 0.25 => self.hi + 0.75",
        "+ first * rows.shape[1]) => + first)",
        "first = 0.5 * => first = 0.0 *",
        "v += self.bias => v -= self.bias",
    ),
    "mcuq/ops/arithmetic.py": (
        "twice = 2.0 * max(a.quant.step, b.quant.step) => twice = 2.0 * a.quant.step",
        "checked_requant([b.quant.step / twice] => checked_requant([a.quant.step / twice]",
        "((1 << shift) * output.quant.step) => ((1 << (shift - 1)) * output.quant.step)",
        "rounding, largest << shift => rounding, 1 << shift",
        "a.quant.step * b.quant.step / output.quant.step => a.quant.step / output.quant.step",
        "output.quant.step], rounding, largest) => output.quant.step], rounding, 255)",
        "self.is_subtraction and index == 1 => self.is_subtraction and index == 0",
        "return AddStep( ~~ b_zero_point=b.quant.zero_point => b_zero_point=a.quant.zero_point",
        "return MulStep( ~~ y_zero_point=output.quant.zero_point => y_zero_point=0",
    ),
    "mcuq/ops/pool.py": (
        "x.quant.step / (taps * output.quant.step) => x.quant.step / output.quant.step",
        "_largest_code(x.quant.dtype) * taps => _largest_code(x.quant.dtype)",
        "taps = self.window.kernel[0] * self.window.kernel[1] => taps = self.window.kernel[0]",
    ),
    "mcuq/kernels/armv7em/requantize.py": (
        "MIN_RIGHT, MAX_RIGHT = 1, 23 => MIN_RIGHT, MAX_RIGHT = 0, 23",
        "MIN_RIGHT, MAX_RIGHT = 1, 23 => MIN_RIGHT, MAX_RIGHT = 2, 23",
        "MIN_RIGHT, MAX_RIGHT = 1, 23 => MIN_RIGHT, MAX_RIGHT = 1, 24",
        "MIN_RIGHT, MAX_RIGHT = 1, 23 => MIN_RIGHT, MAX_RIGHT = 1, 22",
        "_LIMIT = 2**30 => _LIMIT = 2**30 + 1",
        "_LIMIT = 2**30 => _LIMIT = 2**30 - 1",
        "reach = 255 * np.abs(weights) => reach = 254 * np.abs(weights)",
        "np.abs(bias) + reach < _LIMIT => np.abs(bias) < _LIMIT",
        "4 * (low - params.y_zero_point) => 2 * (low - params.y_zero_point)",
        "np.where(change, 2**30, multiplier) => np.where(change, multiplier, multiplier)",
        "np.where(change, 1, right) => np.where(change, 2, right)",
        "for sign in (-1, 1) => for sign in (1, 1)",
        "0, params.weights) => params.weights, params.weights)",
        "-scale.shift[0] <= MAX_RIGHT => -scale.shift[0] <= MAX_RIGHT + 1",
        "not MIN_RIGHT <= -scale.shift[0] => not 0 <= -scale.shift[0]",
    ),
    "mcuq/kernels/armv7em/paired.py": (
        "_LIMIT = 2**23 => _LIMIT = 2**23 + 1",
        "_LIMIT = 2**23 => _LIMIT = 2**23 - 1",
        ">= -_LIMIT and => >= -_LIMIT - 1 and",
        "high.max(initial=0) < _LIMIT => high.max(initial=0) <= _LIMIT",
        "(seconds == -128) & => (seconds == -129) &",
        "seconds = weights[1::2].astype(np.int64) => seconds = weights[::2].astype(np.int64)",
        "np.arange(0, k, codes) => np.arange(0, k, 2 * codes)",
        "(4 * code + channel) => (code + channel)",
        "(weights + missing) => (weights + 0 * missing)",
        "256 * wide[1::2] + wide[0::2] => 256 * wide[1::2] - wide[0::2]",
        "(params.y_zero_point << right) => -(params.y_zero_point << right)",
        "doubled = 2 * channels.bias[four] => doubled = channels.bias[four]",
        "split.transpose(0, 2, 4, 1, 3) => split.transpose(0, 2, 3, 1, 4)",
    ),
    "mcuq/kernels/armv7em/short_form.py": (
        "np.maximum(127 * weights, -128 * weights) => np.maximum(127 * weights, -127 * weights)",
        "np.minimum(127 * weights, -128 * weights) => np.minimum(127 * weights, -127 * weights)",
    ),
    "mcuq/kernels/armv7em/depthwise.py": (
        "_MAX_DEPTHWISE_TAPS = 50 => _MAX_DEPTHWISE_TAPS = 52",
        "_MAX_DEPTHWISE_TAPS = 50 => _MAX_DEPTHWISE_TAPS = 49",
        "(rows - 1) * stride + 3 => (rows - 1) * stride + 2",
        "2 * channels.bias => channels.bias",
        "channels % 4: => channels % 2:",
        "not in ((1, 1), (2, 2)) => not in ((1, 1), (2, 2), (3, 3))",
        "window.kernel != (3, 3) or => window.kernel[0] != 3 or",
        "np.arange(0, channels, 4), channels - 4) => np.arange(0, channels, 4), channels - 5)",
        "channels or channels < 4 => channels or channels < 3",
        "swapaxes(1, 2) => swapaxes(0, 0)",
        "np.arange(0, 32, 8) => np.arange(0, 16, 4)",
        "(fours.y_zero_point << -shift) => fours.y_zero_point",
        "(begin + lacking) => begin",
        "short.scale[::4] - 2**31 => short.scale[::4]",
        '("pad_top", op.window.pads[0]) => ("pad_top", op.window.pads[2])',
        '("pad_left", op.window.pads[1]) => ("pad_left", op.window.pads[3])',
    ),
    "mcuq/kernels/armv7em/weighted.py": (
        '("y_zero_point", params.y_zero_point) => ("y_zero_point", params.x_zero_point)',
    ),
    "mcuq/kernels/fields.py": (
        "-(-value // multiple) * multiple => (value // multiple) * multiple",
        '("pad_top", window.pads[0]), ("pad_left", window.pads[1])'
        ' => ("pad_top", window.pads[1]), ("pad_left", window.pads[0])',
        '("hi", params.hi) => ("hi", 127)',
        '("dilation_h", window.dilations[0]), ("dilation_w", window.dilations[1])'
        ' => ("dilation_h", window.dilations[1]), ("dilation_w", window.dilations[0])',
    ),
    "mcuq/kernels/armv7em/conv.py": (
        "split.transpose(0, 2, 3, 5, 4, 1) => split.transpose(0, 2, 3, 4, 5, 1)",
        "(8 * op.window.kernel[0] + 1) * row => 8 * op.window.kernel[0] * row",
        "row = round_up(op.window.kernel[1] * x[3], 4) => row = op.window.kernel[1] * x[3]",
        "scratch_bytes=4 * wide + line => scratch_bytes=4 * wide",
        "class PairedConv ~~ wide = round_up(op.window.kernel[0] * row, 4)"
        " => wide = op.window.kernel[0] * round_up(row, 4)",
    ),
    "mcuq/kernels/armv7em/matrix_conv.py": (
        "if self.op.groups != 1: => if self.op.groups == 0:",
        "any(gap > 1 for gap, => any(gap < 1 for gap,",
    ),
    "mcuq/kernels/armv7em/linear.py": (
        "split.transpose(0, 3, 5, 1, 4, 2) => split.transpose(0, 3, 4, 1, 5, 2)",
        "max(4, run // 2 * 8) => max(4, run * 8)",
        "wide = round_up(k, 8) => wide = round_up(k, 4)",
        "class PairedLinear ~~ scratch_bytes=2 * wide, => scratch_bytes=2 * wide - 4,",
        "class DspLinear ~~ scratch_bytes=2 * wide, => scratch_bytes=2 * wide - 4,",
    ),
    "mcuq/kernels/armv7em/arithmetic.py": (
        "freeze(2 * self.op.operand_table(index) => freeze(self.op.operand_table(index)",
        "< self.min_count: => < self.min_count - 1:",
        '("right", -self.op.y_requant.shift[0]) => ("right", 1 - self.op.y_requant.shift[0])',
    ),
    "mcuq/kernels/armv7em/pool.py": ("reach <= INT32_MAX => reach <= 2 * INT32_MAX",),
}
_EQUIVALENT: dict[str, dict[str, str]] = {
    "mcuq/ops/weighted.py": {
        "worst = [np.maximum(high, 0).sum(axis=1) + np.maximum(start, 0)]"
        " => worst = [np.maximum(high, 0).sum(axis=1)]": "the whole sum, a bias above 0 included, is larger",
    },
    "mcuq/kernels/armv7em/arithmetic.py": {
        ">= 2**29: => >= 2**40:": "operands are scaled down: they reach 255 * 2^20",
    },
    "mcuq/kernels/armv7em/depthwise.py": {
        "class Depthwise3x3 ~~ (elem_count(x) + elem_count(y)) // 10"
        " => (elem_count(x) + elem_count(y)) // 20": "only more tiles",
    },
    "mcuq/kernels/armv7em/requantize.py": {
        "is_constant = low == high => is_constant = low >= high": "codes do not fall while sums rise",
    },
}
CHANGES: list[Change] = changes(_NOTICED, _EQUIVALENT)
