"""Mutants of the vector kernels' C: of what both forms share, and of what stands for assembly on a host."""

from __future__ import annotations

from tests.mutants.change import changes

_NOTICED: dict[str, tuple[str, ...]] = {
    "mcuq_windows_mve.h": (
        "(at->top == 0) && => (at->top >= 0) &&",
        "(at->bottom == s->kernel_h) => (at->bottom > 0)",
        "(s->in_w - s->kernel_w) : -1 => s->in_w : -1",
        "at->left = s->out_w; => at->left = s->out_w + 1;",
        "at->col = -s->pad_left; => at->col = 0;",
        "s->dilation_w * s->pixel_bytes => s->pixel_bytes",
        "shape.count = (right - left) * s->tap_bytes; => shape.count = s->kernel_w * s->tap_bytes;",
        "shape.rows = 1; => ;",
        "patch, s->outside, => patch, 0,",
        "(i * s->dilation_h) => i",
        "at->col + (left * s->dilation_w) => at->col + left",
        "(i * line) + (left * s->tap_bytes) => (i * line)",
        "at->row + s->stride_h => at->row + s->stride_w",
        "(at->col < 0) || => (at->col < -1) ||",
        "taps = &at->x[first]; => taps = at->x;",
        "s->dilation_h * s->in_w * s->pixel_bytes => s->in_w * s->pixel_bytes",
        "at->col += s->stride_w; => at->col += s->stride_h;",
    ),
    "mcuq_gemm_s16_mve.h": (
        "part->weights[(8 * ((4 * (k / 8)) + lane)) + (k % 8)] => part->weights[(8 * lane) + (k % 8)]",
        "(part->rest * lane) + k => k",
        "x[i / 4][whole + k] => x[i / 4][k]",
        "sums[i] = four[i % 4]; => sums[i] = 0;",
        "MCUQ_GEMM_S16_MVE_MOST 62 => MCUQ_GEMM_S16_MVE_MOST 64",
        "(left == 0) ? walk->rest : 0 => walk->rest",
        "&part.x0[16 * part.chunks] => &part.x0[8 * part.chunks]",
        "&part.x1[16 * part.chunks] => &part.x1[0]",
        "&part.weights[32 * part.chunks] => &part.weights[16 * part.chunks]",
        "(is_wide != 0) ? 2 : 1; => 1;",
        "(walk->y_step == 0) ? 1 : 2 => 1",
        "&walk->channels[3 * c] => &walk->channels[0]",
        "((count - c) < 4) ? (count - c) : 4 => 4",
        "&walk->weights[c * ((8 * walk->chunks) + walk->rest)] => &walk->weights[c * 8 * walk->chunks]",
        "sums[(4 * pixel) + lane] => sums[lane]",
        "four[8 + lane], is_wide => four[8], is_wide",
    ),
    "mcuq_gemm_s8_s16_mve.h": (
        "(pixel == 0) ? walk->x0 : walk->x1 => walk->x0",
        "(walk->y_step / 2) => walk->y_step",
        "value, walk->lo => value, -32768",
    ),
    "mcuq_gemm_mixed_mve.h": (
        "codes % 16 => codes % 8",
        "codes % 8 => codes % 4",
        "codes, is_narrow) => codes, 0)",
    ),
    "mcuq_linear_mixed_mve.h": (
        "p->in_c * ((is_x_wide != 0) ? 2 : 1) => p->in_c",
        "p->out_c * ((is_y_wide != 0) ? 2 : 1) => p->out_c",
        "&walk.x1[x_row] => &walk.x0[x_row]",
        "&walk.y[y_row + walk.y_step] => &walk.y[y_row]",
        "((row + 1) < p->rows) ? 1 : 0 => 1",
    ),
    "mcuq_conv2d_mixed_mve.h": (
        ".is_dense = (p->groups == 1) ? 1 : 0 => .is_dense = 1",
        ".outside = p->x_zero_point => .outside = 0",
        "&scratch[p->kernel_h * p->kernel_w * shape.tap_bytes] => scratch",
        "((pixel + 1) < pixels) => ((pixel + 1) <= pixels)",
        "walk->y_end = &walk->y_end[2 * line] => walk->y_end = &walk->y_end[line]",
        "group * p->channels_step => group",
        "group * p->weights_step => 0",
        "&from[group * p->depth * x_size] => from",
        "p->in_h * p->in_w * p->in_c * x_size => 0",
        "p->out_h * p->out_w * p->out_c * y_size => p->out_w",
    ),
}

CHANGES = changes(_NOTICED, {})
