/*
 * Depthwise convolution of any window, stride, dilation, multiplier and scale, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_LINES_H
#define MCUQ_DEPTHWISE_CONV2D_S8_LINES_H

#include "mcuq_lines.h"

/* Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; see mcuq_lines.h. */
typedef mcuq_lines_params mcuq_depthwise_conv2d_s8_lines_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * scratch: p->words words, aligned to 4. No overlap.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_lines(const mcuq_depthwise_conv2d_s8_lines_params *p, const int8_t *x,
                                                int8_t *y, int8_t *scratch)
{
    mcuq_lines_run(p, x, y, scratch);
}

#endif
