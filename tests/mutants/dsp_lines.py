"""Mutants of convolution along lines, in C and in assembly, and of sums and products of any shapes."""

from __future__ import annotations

C: dict[str, tuple[str, ...]] = {
    "mcuq_channel_dsp.h": (
        "MCUQ_CHANNEL_DSP_FULL - right) => MCUQ_CHANNEL_DSP_FULL - right - 1)",
        "- right) + zero_point => - right)",
    ),
    "mcuq_lines.h": (
        "&to[2 * lane] => &to[lane]",
        "(first < p->dilation_w) && => (first < 1) &&",
        "u = p->pad_left + first => u = first",
        "((u % p->dilation_w) * p->part) => (u % p->dilation_w)",
        "x[(i * step) + c] => x[i + c]",
        "to[(c * lane) + i] => to[i]",
        "(uint32_t)from[count - 1], 0) => (uint32_t)from[0], 0)",
        "walk->y[row * walk->y_row] => walk->y[0]",
        "y[i * walk->y_step], limits->lo, limits->hi => y[i * walk->y_step], limits->lo, 127",
        "y = &y[walk->y_row]; => y = walk->y;",
        ".y_step = p->every * p->out_c => .y_step = p->out_c",
        "((at % p->dilation_w) * p->part) + (at / => ((at % p->dilation_w) * p->part) + 0 * (at /",
        "(row < p->in_h)) ? (row % p->lines) => (row <= p->in_h)) ? (row % p->lines)",
        "(c * p->kernel_h) + i] = 2 * ((c * s->lane) => (c * p->kernel_h) + i] = 2 * ((0 * s->lane)",
        "(s->made < first) ? first : (s->made + 1) => first + 1",
        "c += 4) => c += 8)",
        "s->made = -1; => ;",
        "group * p->depth * s->lane => group * s->lane",
        "x = &x[p->in_h * p->in_w * p->in_c]; => ;",
    ),
    "mcuq_lines_row.h": (
        "walk->x[i * walk->x_step]); => walk->x[i]);",
        "rows = &rows[walk->rows_end - walk->rows]; => ;",
        "w = &w[walk->pairs]; => ;",
    ),
    "mcuq_transposed_conv2d_s8_lines.h": (
        "place - (tap * dilation) => place - tap",
        "((taps - tap) + (tap_step - 1)) / tap_step => (taps - tap) / tap_step",
        "(width - 1 - j) * p->tap_step_w => j * p->tap_step_w",
        "sum += to[j]; => ;",
        "rows->at + q - (i * p->back_step_h) => rows->at + q - i",
        "(row < p->in_h)) ? row => (row <= p->in_h)) ? row / 2",
        "p->x_zero_point * sum => 0 * sum",
        "p->stride_h * p->out_w * p->out_c; => p->out_w * p->out_c;",
        "(cols.at - (cols.count - 1)) => cols.at",
        "(c / p->depth) * p->filters => c * p->filters",
    ),
    "mcuq_element_dsp.h": (
        "(scale.right - 1) => scale.right",
        "half + (twice >> 31) => half",
    ),
    "mcuq_add_s8_dsp.h": (
        "code - q->zero_point => code",
        "sums[i] += => sums[i] =",
        "mcuq_ssat8(mcuq_element_dsp_scaled(sums[i] + more, => mcuq_ssat8(mcuq_element_dsp_scaled(sums[i],",
        "mcuq_clamp(y[i], p->lo, p->hi) => mcuq_clamp(y[i], p->lo, 127)",
        "p->b_right}, 2 * p->sign => p->b_right}, 2",
        "(j * p->a_stride_1) => (j * p->a_stride_2)",
        "y = &y[p->size_3]; => ;",
    ),
    "mcuq_mul_s8_dsp.h": (
        "(*a - a_zero_point) => (*a - b_zero_point)",
        "2 * product => product",
        "mcuq_clamp(y[l], p->lo, p->hi) => mcuq_clamp(y[l], -128, p->hi)",
        "b = &b[b_step]; => b = &b[a_step];",
        "(k * p->b_stride_2) => (k * p->b_stride_1)",
    ),
}

ASSEMBLY: dict[str, tuple[str, ...]] = {
    "mcuq_lines_row.h": (
        r"ssat \\sum, #8 => ssat \\sum, #7",
        r"lsl r2, r1, #1 => lsl r2, r1, #2",
        r"add r3, r2, r1 => add r3, r2, r2",
        r"ldr.w r0, [r10], #4 => ldr.w r0, [r10]",
        r"smlad r5, lr, r11, r5 => smlad r5, r12, r11, r5",
        r"smlad r7, lr, r11, r7 => smlad r7, lr, r11, r6",
        r"add.w r0, r0, #4\n => add.w r0, r0, #2\n",
        r"add.w r0, r0, r1, lsl #2 => add.w r0, r0, r1, lsl #1",
        r"add.n r6, r7\n str.n r6, [sp, #28] => add.n r6, r7\n str.n r7, [sp, #28]",
        r"str.n r5, [sp, #0]\n => nop.n\n",
        r"mov.n r6, r4 => mov.n r6, r5\n mvn r6, r4",
    ),
}
