/*
 * Lines of one window, and of more than four by way of three codes, along rows and columns; borders, strides and gaps
 * of both kinds; several outputs of a channel, several images.
 */
#include "proof.h"
#include "mcuq_depthwise_conv2d_s8_planes.h"

/* One axis of images and windows. */
typedef struct {
    int32_t size;
    int32_t outputs;
    int32_t kernel;
    int32_t stride;
    int32_t dilation;
    int32_t pad;
} axis;

/* From where an axis's first window begins to where its last one ends. */
static int32_t reach(axis a)
{
    return (a.stride * (a.outputs - 1)) + (a.dilation * (a.kernel - 1)) + 1;
}

static void check(int32_t n, int32_t in_c, int32_t per_channel, int32_t has_columns, axis lines, axis along)
{
    const int32_t out_c = in_c * per_channel;
    const int32_t taps = lines.kernel * along.kernel;
    const int32_t plane = (reach(lines) * reach(along)) + (3 * along.stride);
    SYMBOLIC(int8_t, x, n * lines.size * along.size * in_c);
    SYMBOLIC(int8_t, y, n * lines.outputs * along.outputs * out_c);
    SYMBOLIC(int32_t, scratch, ((along.outputs + 3) & ~3) + ((plane + 3) / 4));
    const int32_t lo = proof_number(-128, 127);
    const mcuq_depthwise_conv2d_s8_planes_params p = {
        .n = n,
        .x_image = lines.size * along.size * in_c,
        .x_line = in_c * ((has_columns != 0) ? 1 : along.size),
        .x_step = in_c * ((has_columns != 0) ? lines.size : 1),
        .y_image = lines.outputs * along.outputs * out_c,
        .y_line = out_c * ((has_columns != 0) ? 1 : along.outputs),
        .y_step = out_c * ((has_columns != 0) ? lines.outputs : 1),
        .in_lines = lines.size,
        .in_l = along.size,
        .out_lines = lines.outputs,
        .out_l = along.outputs,
        .out_c = out_c,
        .per_channel = per_channel,
        .kernel_lines = lines.kernel,
        .kernel_l = along.kernel,
        .stride_lines = lines.stride,
        .stride_l = along.stride,
        .dilation_lines = lines.dilation,
        .dilation_l = along.dilation,
        .pad_lines = lines.pad,
        .pad_l = along.pad,
        .plane_lines = reach(lines),
        .plane_l = reach(along),
        .x_zero_point = ZERO_POINT,
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
        .weights = proof_bytes(out_c * taps, -128, 127),
        .bias = proof_biases(out_c, taps, 128 * 128),
        .multiplier = proof_multipliers(out_c),
        .shift = proof_shifts(out_c),
    };
    mcuq_depthwise_conv2d_s8_planes(&p, x, y, (int8_t *)(void *)scratch);
}

void harness(void)
{
    const axis one = {1, 1, 1, 1, 1, 0};
    const axis two = {2, 2, 1, 1, 1, 0};
    const axis apart = {1, 2, 1, 3, 1, 1};
    const axis gaps = {2, 1, 2, 1, 6, 1};
    const axis three = {2, 2, 3, 1, 1, 1};
    const axis many = {5, 5, 3, 1, 1, 1};
    check(2, 1, 2, 0, one, one);
    check(1, 2, 1, 1, one, two);
    check(1, 1, 1, 0, one, apart);
    check(1, 1, 1, 0, gaps, gaps);
    check(1, 2, 1, 0, gaps, three);
    check(1, 1, 1, 0, one, many);
    HARNESS_END;
}
