/*
 * Calls CMSIS-NN's int8 functions with flat parameters: cmsis_nn.py compiles this file with the library's own
 * sources and calls it through ctypes. Every function returns 0, or says why it did not run.
 */
#include <stdlib.h>
#include <string.h>

#include "arm_nnfunctions.h"

enum { GUARD_BYTES = 32, GUARD = 0x5A, OUT_OF_MEMORY = 100, SCRATCH_OVERRUN = 101 };

/* The fields of cmsis_nn.py's Layer, in the same order; zero points as in `real = scale * (q - zero_point)`. */
typedef struct {
    int32_t batch, in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    int32_t x_zero_point, y_zero_point, lo, hi;
} truth_layer;

int32_t truth_layer_bytes(void)
{
    return (int32_t)sizeof(truth_layer);
}

/* Scratch of exactly the bytes the library asks for, with a guard behind it. */
static int open_scratch(cmsis_nn_context *scratch, int32_t bytes)
{
    scratch->size = bytes;
    scratch->buf = malloc((size_t)bytes + GUARD_BYTES);
    if (scratch->buf == NULL) {
        return OUT_OF_MEMORY;
    }
    memset(scratch->buf, GUARD, (size_t)bytes + GUARD_BYTES);
    return 0;
}

static int close_scratch(cmsis_nn_context *scratch, int status)
{
    const uint8_t *guard = (const uint8_t *)scratch->buf + scratch->size;
    for (int i = 0; i < GUARD_BYTES; i++) {
        if (guard[i] != GUARD && status == 0) {
            status = SCRATCH_OVERRUN;
        }
    }
    free(scratch->buf);
    return status;
}

static cmsis_nn_dims input_dims(const truth_layer *p)
{
    return (cmsis_nn_dims){p->batch, p->in_h, p->in_w, p->in_c};
}

static cmsis_nn_dims output_dims(const truth_layer *p)
{
    return (cmsis_nn_dims){p->batch, p->out_h, p->out_w, p->out_c};
}

int truth_conv2d(const truth_layer *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                 int32_t *multiplier, int32_t *shift, int8_t *y)
{
    const cmsis_nn_conv_params params = {
        -p->x_zero_point, p->y_zero_point, {p->stride_w, p->stride_h},
        {p->pad_left, p->pad_top}, {p->dilation_w, p->dilation_h}, {p->lo, p->hi}};
    const cmsis_nn_per_channel_quant_params quant = {multiplier, shift};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p), bias_dims = {1, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {p->out_c, p->kernel_h, p->kernel_w, p->in_c};
    cmsis_nn_context scratch;
    int status = open_scratch(&scratch, arm_convolve_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    if (status != 0) {
        return status;
    }
    status = arm_convolve_wrapper_s8(&scratch, &params, &quant, &in, x, &filter, w, &bias_dims, bias, &out, y);
    return close_scratch(&scratch, status);
}

/* is_basic: the function for every shape, instead of the one the library chooses for this shape. */
int truth_depthwise_conv2d(const truth_layer *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                           int32_t *multiplier, int32_t *shift, int8_t *y, int32_t is_basic)
{
    const cmsis_nn_dw_conv_params params = {
        -p->x_zero_point, p->y_zero_point, p->out_c / p->in_c, {p->stride_w, p->stride_h},
        {p->pad_left, p->pad_top}, {p->dilation_w, p->dilation_h}, {p->lo, p->hi}};
    const cmsis_nn_per_channel_quant_params quant = {multiplier, shift};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p), bias_dims = {1, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {1, p->kernel_h, p->kernel_w, p->out_c};
    cmsis_nn_context scratch;
    int status =
        open_scratch(&scratch, arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    if (status != 0) {
        return status;
    }
    status = (is_basic ? arm_depthwise_conv_s8 : arm_depthwise_conv_wrapper_s8)(
        &scratch, &params, &quant, &in, x, &filter, w, &bias_dims, bias, &out, y);
    return close_scratch(&scratch, status);
}

int truth_linear(const truth_layer *p, const int8_t *x, const int8_t *w, const int32_t *bias,
                 const int32_t *multiplier, const int32_t *shift, int8_t *y)
{
    const cmsis_nn_fc_params params = {-p->x_zero_point, 0, p->y_zero_point, {p->lo, p->hi}};
    const cmsis_nn_per_tensor_quant_params quant = {multiplier[0], shift[0]};
    const cmsis_nn_dims in = {p->batch, 1, 1, p->in_c}, out = {p->batch, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {p->in_c, 1, 1, p->out_c}, bias_dims = {1, 1, 1, p->out_c};
    cmsis_nn_context scratch;
    int status = open_scratch(&scratch, arm_fully_connected_s8_get_buffer_size(&filter));
    if (status != 0) {
        return status;
    }
    status = arm_fully_connected_s8(&scratch, &params, &quant, &in, x, &filter, w, &bias_dims, bias, &out, y);
    return close_scratch(&scratch, status);
}

/* One image: the library's pools take no batch. */
int truth_pool(const truth_layer *p, const int8_t *x, int8_t *y, int32_t is_average)
{
    const cmsis_nn_pool_params params = {
        {p->stride_w, p->stride_h}, {p->pad_left, p->pad_top}, {p->lo, p->hi}};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p);
    const cmsis_nn_dims filter = {1, p->kernel_h, p->kernel_w, 1};
    cmsis_nn_context scratch;
    int status = open_scratch(&scratch, arm_avgpool_s8_get_buffer_size(p->out_w, p->in_c));
    if (status != 0) {
        return status;
    }
    status = (is_average ? arm_avgpool_s8 : arm_max_pool_s8)(&scratch, &params, &in, x, &filter, &out, y);
    return close_scratch(&scratch, status);
}
