"""Wrong kernels, one small change each: the contract test must notice every one.

A change that can only matter for inputs that cannot occur is no mutant: each of these computes another
value for some example. Those of one operator's kernel stand with its examples, in `tests/ops`.
"""

from __future__ import annotations

from mcuq.kernels.registry import isa_variants
from tests.ops.examples import declared

# Of files that several kernels include: (operators that show it, changes as "found => put in its place").
SHARED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mcuq_common": (
        ("conv2d", "clip"),
        (
            "(value < lo) ? lo : value => (value < lo - 1) ? lo : value",
            "(above > hi) ? hi : above => (above > hi + 1) ? hi : above",
        ),
    ),
    "mcuq_recurrent": (
        ("lstm", "gru", "rnn"),
        (
            "((int32_t)1 << (shift - 1)) => 0",
            "(above > most) ? most : above => above",
            "x[k] - s->zero_point => x[k]",
            "s->bias[row] => 0",
            "table, v, 7 => table, v, 8",
            "(v < 0) ? -y : y => y",
            "((int32_t)1 << bits) - 1 => ((int32_t)1 << bits) - 2",
        ),
    ),
    "mcuq_lstm": (
        ("lstm",),
        (
            "(2 * units) + u, old => units + u, old",
            "units + u, c) => units + u, old)",
            "30 - p->cell_bits => 29 - p->cell_bits",
            "cell[u] = 0; => cell[u] = 1;",
            "old[u] - p->c_zero_point => old[u]",
            "(row >= 0) => (row < 0)",
            "h[u] = mcuq_clamp(value + p->y_zero_point => h[u] = mcuq_clamp(value",
        ),
    ),
    "mcuq_gru": (
        ("gru",),
        (
            "(32768 - kept) => (32767 - kept)",
            "gate * (code - p->y_zero_point), 11 => gate * (code - p->y_zero_point), 12",
            "p->inner_shift); => p->inner_shift - 1);",
            "(127 - p->y_zero_point) * 128 => (126 - p->y_zero_point) * 128",
            "(-128 - p->y_zero_point) * 128 => (-127 - p->y_zero_point) * 128",
            "first[u] - p->h_zero_point => first[u]",
        ),
    ),
    "mcuq_normalize": (
        ("normalize",),
        (
            "i < 4; => i < 2;",
            "m >>= 2 => m >>= 1",
        ),
    ),
    "mcuq_rnn": (
        ("rnn",),
        (
            "limit(sum, p->gate_limit) => limit(sum, 32767)",
            "first[u] - p->h_zero_point => first[u]",
        ),
    ),
    "mcuq_requantize_double": (
        ("conv2d", "mean", "mul"),
        (
            "(high + (high >> 31)) => high",
            "(-shift - 1) => (-shift)",
            "((int64_t)1 << 30) => (((int64_t)1 << 30) - 1)",
            "(int32_t)(1 << shift) => (int32_t)(1 << (shift / 2))",
            "+ 1) >> 1; => ) >> 1;",
            "(shift >= 0) => (shift >= 1)",
        ),
    ),
    "mcuq_weight4": (
        ("conv2d", "depthwise_conv2d", "linear"),
        (
            "(both & 15U) => (both & 7U)",
            "(both >> 4) => (both >> 3)",
            "== 0U) => != 0U)",
            "(bits ^ 8U) - 8 => (bits ^ 8U) - 7",
        ),
    ),
    "mcuq_windows": (
        ("conv2d",),
        (
            "(i * p->dilation_h) => i",
            "(j * p->dilation_w) => j",
            "(row >= p->in_h) => (row > p->in_h)",
            "(col < 0) || (col >= p->in_w) => (col < 0) || (col > p->in_w)",
            "(p->dilation_w == 1) => (p->dilation_w >= 1)",
            "(p->groups == 1) => (p->groups >= 1)",
            "(first_col >= 0) => (first_col >= -9)",
            "(first_col + p->kernel_w) <= p->in_w => (first_col + p->kernel_w) <= (p->in_w + 1)",
            "memset(to, p->x_zero_point, length) => memset(to, 0, length)",
            "memset(to, p->x_zero_point, depth) => memset(to, 0, depth)",
            "walk->ox * p->stride_w => walk->ox * p->stride_h",
            "- p->pad_top => - p->pad_left",
            "&scratch[count * p->window_c]; => &scratch[0];",
            "(is_tap != 0) && => (is_tap == 0) &&",
            "walk->image++; => walk->image += 2;",
            "walk->image < p->n) { => walk->image < 1) {",
        ),
    ),
    "mcuq_block_4x2": (
        ("conv2d",),
        (
            "s->b3 += b * w[3] => s->b3 += a * w[3]",
            "a[2], b[2], &w[8] => a[2], b[2], &w[4]",
            "w = &w[16] => w = &w[12]",
            "&w[4 * k] => &w[k]",
            "sums[5] = s.b2 => sums[5] = s.b1",
            "bias[3], bias[3] => bias[2], bias[3]",
            "b0 += b[k] * w[k] => b0 += b[0] * w[k]",
        ),
    ),
    "mcuq_block_4x2_w4": (
        ("conv2d",),
        (
            "b3 += code_b * mcuq_quad4_high(w[1]) => b3 += code_a * mcuq_quad4_high(w[1])",
            "a2 += code_a * mcuq_quad4_low(w[1]) => a2 += code_a * mcuq_quad4_low(w[0])",
            "w = &w[2]; => w = &w[1];",
            "sums[5] = b2 => sums[5] = b1",
            "a3 = bias[3] => a3 = bias[2]",
            "&a[count] => &a[count - 1]",
        ),
    ),
    "mcuq_quad4": (
        ("conv2d", "linear"),
        (
            "both << 28) >> 28 => both << 28) >> 27",
            "both >> 4 => both >> 3",
        ),
    ),
    "mcuq_outputs": (
        ("conv2d", "depthwise_conv2d"),
        (
            "to->multiplier[first] => to->multiplier[0]",
            "to->shift[first] => to->shift[0]",
            "to->shift[channel] => to->shift[0]",
            "&sum[width] => &sum[1]",
            "i * block->step => i",
            "*shift) + zero_point => *shift)",
            "multiplier, shift) + zero_point => multiplier, shift)",
            "y = &y[step] => y = &y[1]",
        ),
    ),
    "mcuq_requantize_single": (
        ("conv2d", "mean", "mul"),
        (
            "+ 1) >> 1) => ) >> 1)",
            "(30 - shift) => (31 - shift)",
        ),
    ),
    "mcuq_mixed": (
        ("conv2d", "linear"),
        (
            "(start + 256) : count => (start + 255) : count",
            "start += 256 => start += 255",
            "- zero_point) * w[k] => ) * w[k]",
            "(14 - shift)) + 1 => (14 - shift))",
            "value += end.y_zero_point; => ;",
            "(value < end.lo) ? end.lo => (value < end.lo) ? end.hi",
            "(value > end.hi) ? end.hi => (value > end.hi + 1) ? end.hi",
            "end.is_long != 0 => end.is_long == 2",
        ),
    ),
    "mcuq_linear_mixed": (
        ("linear",),
        (
            "p->bias[m] + => p->bias[0] +",
            "(row * p->out_c) + m => m",
            "w = &w[p->in_c]; => ;",
            "p->multiplier[m] => p->multiplier[0]",
            "x = mcuq_mixed_at(x, p->in_c => x = mcuq_mixed_at(x, p->out_c",
        ),
    ),
    "mcuq_conv2d_mixed": (
        ("conv2d",),
        (
            "(row < 0) => (row <= 0)",
            "(col >= p->in_w) => (col > p->in_w)",
            "(m / filters) => (m % filters)",
            "(i * p->dilation_h) => i",
            "% p->out_w) * p->stride_w => % p->out_w) * p->stride_h",
            "p->bias[m] => p->bias[0]",
            "p->shift[m] => p->shift[0]",
            "- p->pad_left => - p->pad_top",
        ),
    ),
    "mcuq_mixed_w4": (
        ("conv2d", "linear"),
        (
            "(start + 256) : count => (start + 255) : count",
            "start += 256 => start += 255",
            "is_wide) - zero_point; => is_wide);",
            "d += code * mcuq_quad4_high(w[(2 * k) + 1]) => d += code * mcuq_quad4_low(w[(2 * k) + 1])",
            "sums[2] += c => sums[2] += b",
            "to->bias[m + i] => to->bias[m]",
            "to->multiplier[m + i] => to->multiplier[m]",
            "to->shift[m + i] => to->shift[m]",
        ),
    ),
    "mcuq_linear_mixed_w4": (
        ("linear",),
        (
            "? (p->out_c - m) : 4 => ? 1 : 4",
            "(row * p->out_c) + m => m",
            "w = &w[2 * p->in_c] => w = &w[p->in_c]",
            "x = mcuq_mixed_at(x, p->in_c => x = mcuq_mixed_at(x, p->out_c",
        ),
    ),
    "mcuq_conv2d_mixed_w4": (
        ("conv2d",),
        (
            "(row >= 0) => (row > 0)",
            "(col < p->in_w) => (col <= p->in_w)",
            "(j * p->dilation_w) => j",
            "w = &w[2 * depth] => w = &w[depth]",
            "(left < 4) ? left : 4 => (left < 4) ? 1 : 4",
            "((group + 1) * filters) - m => p->out_c - m",
            "(pixel / pixels) * p->in_h => p->in_h",
            "- p->pad_left => - p->pad_top",
            "group * depth => group * filters",
        ),
    ),
    "mcuq_depthwise_conv2d_mixed": (
        ("depthwise_conv2d",),
        (
            "m / p->per_channel => m % p->in_c",
            "(col >= 0) => (col > 0)",
            "- p->x_zero_point => ",
            "(j * p->dilation_w) => j",
            "* p->out_c) + m => * p->in_c) + m",
            "(row >= p->in_h) => (row >= p->in_w)",
        ),
    ),
    "mcuq_wide": (
        ("add", "mul"),
        (
            "(value < lo) ? lo : value => (value < lo) ? hi : value",
            "(above > hi) ? hi : above => (above > hi + 1) ? hi : above",
        ),
    ),
}


def _callers(kernel: str) -> tuple[str, ...]:
    """The operators that a kernel computes; one with an input beside those that have none."""
    kinds = [each.step_op.kind for each in isa_variants("portable") if each.kernel == kernel]
    return (*kinds, "clip") if kinds == ["constant"] else tuple(kinds)


# By kernel file: (operators that call it, changes).
MUTANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **SHARED,
    **{kernel: (_callers(kernel), tuple(changes)) for kernel, changes in declared("MUTANTS").items()},
}


def apply(source: str, change: str) -> str:
    """The source after a change of `MUTANTS`; what it replaces must stand there."""
    found, put = change.split(" => ")
    assert found in source, found
    return source.replace(found, put)
