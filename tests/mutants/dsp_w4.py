"""Mutants of the DSP kernels for weights of four bits, in C and in assembly."""

from __future__ import annotations

C: dict[str, tuple[str, ...]] = {
    "mcuq_gemm_w4.h": (
        "sums[1] >>= 4; => ;",
        "sums[2] >>= 8; => ;",
        "sums[3] >>= 4; => ;",
        "(uint32_t)channel[2]) + 1 => (uint32_t)channel[2])",
        "sum + (channel[0] / 2) => sum + channel[0]",
        "return &channels[-scale]; => return &channels[9];",
        "(scale == 0) ? &channels[13] : => (scale != 0) ? &channels[13] :",
        "&channels[1 + (3 * i)] => &channels[1 + i]",
        "channels[2 + (2 * i)] => channels[2]",
        "if (scale < 0) => if (scale < -99)",
    ),
    "mcuq_gemm_4x2_w4.h": (
        "mcuq_gemm_w4_split(&sums[4 * pixel]) => mcuq_gemm_w4_split(sums)",
        "&walk->y[pixel * walk->stride]); => walk->y);",
    ),
    "mcuq_gemm_8x1_w4.h": (
        "*four = mcuq_gemm_w4_four(&sums[i], *four, &y[i]) => *four = mcuq_gemm_w4_four(sums, *four, &y[i])",
        "mcuq_gemm_w4_split(&sums[i]); => mcuq_gemm_w4_split(sums);",
        "(channels[9] > 0) => (channels[9] >= 0)",
        "channels = &channels[18]; => channels = &channels[9];",
    ),
    "mcuq_conv2d_s8_w4_dsp.h": (
        "&p->weights[2 * fours * p->wide_c] => &p->weights[fours * p->wide_c]",
        "&p->channels[p->last] => p->channels",
        "codes[(4 * i) + c] => codes[i + c]",
        "mcuq_clamp(y[i], p->lo, p->hi) => mcuq_clamp(y[i], p->lo, 127)",
        "if (last.channels[0] < 0) => if (last.channels[0] < -99)",
        "part.y = &walk->y[4 * at] => part.y = walk->y",
        "[2 * at * p->wide_c] => [at * p->wide_c]",
        "((p->out_c % 4) == 0) && => 1 &&",
        "(p->has_odd == 0) => 1",
        "(from < 0) || (from > last) => (from < -p->in_c) || (from > last)",
        "(p, walk, 2, is_plain) => (p, walk, 1, is_plain)",
        "y = &y[p->out_h * p->out_w * p->out_c]; => y = &y[p->out_h * p->out_w];",
    ),
    "mcuq_linear_s8_w4_dsp.h": (
        "&p->weights[(m / 2) * p->wide_c] => &p->weights[m * p->wide_c]",
        "(p->out_c - m) / 8 => (p->out_c - m + 7) / 8",
        "(m + i) < p->out_c => i < 8",
        "walk->channels = next; => ;",
        "mcuq_clamp(y[i], p->lo, p->hi) => mcuq_clamp(y[i], p->lo, 127)",
        "x = &x[p->in_c]; => x = &x[p->out_c];",
    ),
}
ASSEMBLY: dict[str, tuple[str, ...]] = {
    "mcuq_gemm_w4.h": (
        "return -8 * sum; => return -7 * sum;",
        "x = &x[4 * step]; => x = &x[4];",
        "count > 0; count--) => count > 1; count--)",
        "mcuq_smlad(x[step], 0x00010001U => mcuq_smlad(x[step], 0x00000001U",
        "#0x000f000f => #0x00070007",
        "#0x0f000f00 => #0x07000700",
        '"sxtb16 " #t ", " #w ", ror #8 => "uxtb16 " #t ", " #w ", ror #8',
        '"uxtb16 " #t => "sxtb16 " #t',
    ),
    "mcuq_gemm_4x2_w4.h": (
        "4 * (wide & 15) => 4 * (wide & 7)",
        "30 * (-wide & 15) => 30 * (-wide & 7)",
        "[r1], #32 => [r1], #64",
        "smlad r9, r3, lr, r9 => smlad r9, r3, r12, r9",
        "add.w r5, r4, r4, lsl #4 => add.w r5, r4, r4, lsl #3",
        "lsl.w r10, r8, #8 => lsl.w r10, r8, #7",
        "r1, r2, lsr #1 => r1, r2",
        "sub.w r7, r7, r6, asr #8 => sub.w r7, r7, r6, asr #7",
        "sub.w lr, r2, #4 => sub.w lr, r2, #5",
        'MCUQ_GEMM_4X2_LONG(r7, r11, "asr #3") => MCUQ_GEMM_4X2_LONG(r7, r11, "asr #4")',
        "stm.w r2, {r4-r11} => stm.w r2, {r4-r10}",
    ),
    "mcuq_gemm_8x1_w4.h": (
        "38 * (-wide & 15) => 38 * (-wide & 7)",
        "2 * (wide & 15) => 2 * (wide & 7)",
        "add.w r1, r1, r2, lsl #1 => add.w r1, r1, r2",
        "mov.w r10, r6 => mov.w r10, r4",
        "sub.w r11, r11, r10, asr #8 => sub.w r11, r11, r6, asr #8",
        "[r1, #4-2*\\\\at] => [r1, #-2*\\\\at]",
        "strb r9, [r3, #5-8] => strb r8, [r3, #5-8]",
    ),
}
