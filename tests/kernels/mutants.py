"""Wrong kernels, one small change each: the contract test must notice every one.

A change that can only matter for inputs that cannot occur is no mutant: each of these computes another
value for some example.
"""

from __future__ import annotations

# By kernel file: (operators that call it, changes as "found => put in its place").
MUTANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mcuq_common": (
        ("conv2d", "clip"),
        (
            "(value < lo) ? lo : value => (value < lo - 1) ? lo : value",
            "(above > hi) ? hi : above => (above > hi + 1) ? hi : above",
        ),
    ),
    "mcuq_requantize_double": (
        ("conv2d", "mean", "mul"),
        (
            "> threshold => >= threshold",
            "((high < 0) ? 1 : 0) => 0",
            "((int64_t)1 << 30) => (((int64_t)1 << 30) - 1)",
            "(shift > 0) ? shift : 0 => 0",
            "(mask >> 1) + => mask +",
        ),
    ),
    "mcuq_requantize_single": (
        ("conv2d", "mean", "mul"),
        (
            "+ 1) >> 1) => ) >> 1)",
            "(30 - shift) => (31 - shift)",
        ),
    ),
    "mcuq_add_s8": (
        ("add",),
        (
            "(int32_t)1 << 20 => (int32_t)1 << 19",
            "(b[i] - p->b_zero_point) => (b[i] - p->a_zero_point)",
            "p->sign * right => right",
            "value + p->y_zero_point => value",
        ),
    ),
    "mcuq_add_broadcast_s8": (
        ("add",),
        (
            "(i * p->a_stride_0) => (i * p->b_stride_0)",
            "(k * p->b_stride_2) => (k * p->b_stride_1)",
            "b[l * p->b_stride_3] => b[l]",
            "p->sign * right => right",
        ),
    ),
    "mcuq_mul_s8": (
        ("mul",),
        (
            "(a[i] - p->a_zero_point) => a[i]",
            "value + p->y_zero_point => value",
        ),
    ),
    "mcuq_mul_broadcast_s8": (
        ("mul",),
        (
            "(j * p->a_stride_1) => (j * p->a_stride_2)",
            "a[l * p->a_stride_3] => a[0]",
            "p->lo, p->hi => -128, 127",
        ),
    ),
    "mcuq_argmax_s8": (
        ("argmax",),
        (
            "x[i] > x[largest] => x[i] >= x[largest]",
            "x = &x[p->count]; => ;",
            "i < p->count => i < p->count - 1",
        ),
    ),
    "mcuq_average_pool_s8": (
        ("average_pool",),
        (
            "((sum + (count / 2)) / count) => (sum / count)",
            "((sum - (count / 2)) / count) => ((sum + (count / 2)) / count)",
            "sum += p->outside; => ;",
            "(row >= 0) => (row > 0)",
            "(col < p->in_w) => (col <= p->in_w)",
        ),
    ),
    "mcuq_clip_s8": (
        ("clip",),
        (
            "p->lo, p->hi => -128, p->hi",
            "i < p->count => i < p->count - 1",
        ),
    ),
    "mcuq_concat_s8": (
        ("concat",),
        (
            "p->runs[i] => p->runs[0]",
            "(size_t)row * run => 0",
        ),
    ),
    "mcuq_constant_s8": (
        ("constant", "clip"),
        (
            "(size_t)p->count => (size_t)p->count - 1",
            "p->values, => &p->values[1],",
        ),
    ),
    "mcuq_conv2d_s8": (
        ("conv2d",),
        (
            "(row < 0) => (row <= 0)",
            "(col >= p->in_w) => (col > p->in_w)",
            "(x[c] - zero_point) => (x[c] + zero_point)",
            "(m / filters) => (m % filters)",
            "(i * p->dilation_h) => i",
            "(ox * p->stride_w) => (ox * p->stride_h)",
            "p->bias[m] => p->bias[0]",
            "p->shift[m] => p->shift[0]",
            "p->multiplier[m] => p->multiplier[0]",
            "- p->pad_left => - p->pad_top",
        ),
    ),
    "mcuq_copy_s8": (
        ("copy",),
        (
            "(size_t)p->count => (size_t)p->count - 1",
            "(size_t)p->count => (size_t)p->count / 2U",
        ),
    ),
    "mcuq_depthwise_conv2d_s8": (
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
    "mcuq_linear_s8": (
        ("linear",),
        (
            "k < p->in_c => k < p->in_c - 1",
            "(x[k] - p->x_zero_point) => x[k]",
            "w = &w[p->in_c]; => ;",
            "p->lo, p->hi => p->lo, 127",
        ),
    ),
    "mcuq_max_pool_s8": (
        ("max_pool",),
        (
            "largest = -128 => largest = 0",
            "value > largest => value < largest",
            "(row >= p->in_h) => (row > p->in_h)",
            "(oy * p->stride_h) => (oy * p->stride_w)",
        ),
    ),
    "mcuq_mean_s8": (
        ("mean",),
        (
            "- p->offset => ",
            "((i * p->in_w) + j) => ((j * p->in_w) + i)",
            "(ox * p->stride_w) => ox",
        ),
    ),
    "mcuq_pad_s8": (
        ("pad",),
        (
            "p->value, => 0,",
            "+ p->before_2 => + p->before_1",
            "j + p->before_1 => j",
        ),
    ),
    "mcuq_resize_nearest_s8": (
        ("resize_nearest",),
        (
            "p->rows[oy] => oy / 2",
            "* p->in_w) => * p->out_w)",
        ),
    ),
    "mcuq_softmax_s8": (
        ("softmax",),
        (
            "35 - headroom => 34 - headroom",
            "((int32_t)1 << 29) => ((int32_t)1 << 28)",
            "(((int64_t)1 << exponent) >> 1) => 0",
            "i < 3; => i < 1;",
            "(x[i] > largest) ? x[i] : largest => x[0]",
        ),
    ),
    "mcuq_strided_copy_s8": (
        ("transpose", "slice"),
        (
            "p->offset + => ",
            "(k * p->stride_2) => (k * p->stride_3)",
            "l * p->stride_3 => l",
        ),
    ),
    "mcuq_table_s8": (
        ("table",),
        (
            "x[i] + 128 => x[i] + 127",
            "i < p->count => i < p->count - 1",
        ),
    ),
}


def apply(source: str, change: str) -> str:
    """The source after a change of `MUTANTS`; what it replaces must stand there."""
    found, put = change.split(" => ")
    assert found in source, found
    return source.replace(found, put)
