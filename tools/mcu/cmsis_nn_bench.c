/*
 * Runs layers with CMSIS-NN's int8 functions, each between two marks, so that an emulator can count them.
 *
 * Input: the number of layers; for each a bench_layer, then its codes, weights, biases, multipliers and
 * shifts. Output: the codes of each layer.
 */
#include "arm_nnfunctions.h"
#include "mcuq_harness_io.h"

enum { CONV = 0, DEPTHWISE = 1, LINEAR = 2, MAX_POOL = 3, AVERAGE_POOL = 4 };
enum { CODES = 1 << 19, CHANNELS = 1 << 12, BAD_INPUT = 11, BAD_SIZE = 12, BAD_STATUS = 13 };

/* Zero points as in `real = scale * (q - zero_point)`; sizes in bytes. */
typedef struct {
    int32_t kind, x_bytes, w_bytes, y_bytes, channels;
    int32_t batch, in_h, in_w, in_c, out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    int32_t x_zero_point, y_zero_point, lo, hi;
} bench_layer;

/* Together, so that a model of flash knows which data firmware would have there. */
typedef struct {
    int8_t w[CODES];
    int32_t bias[CHANNELS], multiplier[CHANNELS], shift[CHANNELS];
} bench_constants;

static int8_t x[CODES] __attribute__((aligned(8)));
static int8_t y[CODES] __attribute__((aligned(8)));
static int8_t scratch[CODES] __attribute__((aligned(8)));
bench_constants stored __attribute__((aligned(8)));

void mcuq_profile_start(void);
void mcuq_profile_stop(void);
void mcuq_profile_mark(void);

/* Empty, and never inlined: the emulator knows them by their addresses. */
__attribute__((noinline)) void mcuq_profile_start(void) { __asm__ volatile("nop"); }
__attribute__((noinline)) void mcuq_profile_stop(void) { __asm__ volatile("nop\n nop"); }
__attribute__((noinline)) void mcuq_profile_mark(void) { __asm__ volatile("nop\n nop\n nop"); }

static cmsis_nn_dims input_dims(const bench_layer *p)
{
    return (cmsis_nn_dims){p->batch, p->in_h, p->in_w, p->in_c};
}

static cmsis_nn_dims output_dims(const bench_layer *p)
{
    return (cmsis_nn_dims){p->batch, p->out_h, p->out_w, p->out_c};
}

/* Scratch of the size that the library asks for; NULL where there is not so much. */
static cmsis_nn_context context(int32_t bytes)
{
    return (cmsis_nn_context){(bytes <= CODES) ? scratch : NULL, bytes};
}

static int run_conv(const bench_layer *p)
{
    const cmsis_nn_conv_params params = {
        -p->x_zero_point, p->y_zero_point, {p->stride_w, p->stride_h},
        {p->pad_left, p->pad_top}, {p->dilation_w, p->dilation_h}, {p->lo, p->hi}};
    const cmsis_nn_per_channel_quant_params quant = {stored.multiplier, stored.shift};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p), bias_dims = {1, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {p->out_c, p->kernel_h, p->kernel_w, p->in_c};
    const cmsis_nn_context work =
        context(arm_convolve_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    return arm_convolve_wrapper_s8(
        &work, &params, &quant, &in, x, &filter, stored.w, &bias_dims, stored.bias, &out, y);
}

static int run_depthwise(const bench_layer *p)
{
    const cmsis_nn_dw_conv_params params = {
        -p->x_zero_point, p->y_zero_point, p->out_c / p->in_c, {p->stride_w, p->stride_h},
        {p->pad_left, p->pad_top}, {p->dilation_w, p->dilation_h}, {p->lo, p->hi}};
    const cmsis_nn_per_channel_quant_params quant = {stored.multiplier, stored.shift};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p), bias_dims = {1, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {1, p->kernel_h, p->kernel_w, p->out_c};
    const cmsis_nn_context work =
        context(arm_depthwise_conv_wrapper_s8_get_buffer_size(&params, &in, &filter, &out));
    return arm_depthwise_conv_wrapper_s8(
        &work, &params, &quant, &in, x, &filter, stored.w, &bias_dims, stored.bias, &out, y);
}

static int run_linear(const bench_layer *p)
{
    const cmsis_nn_fc_params params = {-p->x_zero_point, 0, p->y_zero_point, {p->lo, p->hi}};
    const cmsis_nn_per_tensor_quant_params quant = {stored.multiplier[0], stored.shift[0]};
    const cmsis_nn_dims in = {p->batch, 1, 1, p->in_c}, out = {p->batch, 1, 1, p->out_c};
    const cmsis_nn_dims filter = {p->in_c, 1, 1, p->out_c}, bias_dims = {1, 1, 1, p->out_c};
    const cmsis_nn_context work = context(arm_fully_connected_s8_get_buffer_size(&filter));
    return arm_fully_connected_s8(
        &work, &params, &quant, &in, x, &filter, stored.w, &bias_dims, stored.bias, &out, y);
}

static int run_pool(const bench_layer *p)
{
    const cmsis_nn_pool_params params = {
        {p->stride_w, p->stride_h}, {p->pad_left, p->pad_top}, {p->lo, p->hi}};
    const cmsis_nn_dims in = input_dims(p), out = output_dims(p);
    const cmsis_nn_dims filter = {1, p->kernel_h, p->kernel_w, 1};
    const cmsis_nn_context work = context(arm_avgpool_s8_get_buffer_size(p->out_w, p->in_c));
    if (p->kind == MAX_POOL) {
        return arm_max_pool_s8(&work, &params, &in, x, &filter, &out, y);
    }
    return arm_avgpool_s8(&work, &params, &in, x, &filter, &out, y);
}

static int run_layer(const bench_layer *p)
{
    if (p->kind == CONV) {
        return run_conv(p);
    }
    if (p->kind == DEPTHWISE) {
        return run_depthwise(p);
    }
    return (p->kind == LINEAR) ? run_linear(p) : run_pool(p);
}

/* What the library's Helium code expects in the scratch of linear layers: firmware makes it once, before it runs. */
static void add_weights(const bench_layer *p)
{
    int32_t *const sums = (int32_t *)(void *)scratch;
    for (int32_t row = 0; row < p->channels; row++) {
        sums[row] = stored.bias[row];
        for (int32_t i = 0; i < p->in_c; i++) {
            sums[row] -= p->x_zero_point * stored.w[(row * p->in_c) + i];
        }
    }
}

static int read_exactly(void *to, int32_t bytes)
{
    return mcuq_io_read(to, (size_t)bytes) == (size_t)bytes;
}

static int read_layer(bench_layer *p)
{
    if (!read_exactly(p, (int32_t)sizeof *p)) {
        return BAD_INPUT;
    }
    if ((p->x_bytes > CODES) || (p->w_bytes > CODES) || (p->y_bytes > CODES) || (p->channels > CHANNELS)) {
        return BAD_SIZE;
    }
    const int32_t words = 4 * p->channels;
    const int is_read = read_exactly(x, p->x_bytes) && read_exactly(stored.w, p->w_bytes) &&
                        read_exactly(stored.bias, words) &&
                        read_exactly(stored.multiplier, words) &&
                        read_exactly(stored.shift, words);
    return is_read ? 0 : BAD_INPUT;
}

int main(void)
{
    int32_t count = 0;
    if (!read_exactly(&count, (int32_t)sizeof count)) {
        return BAD_INPUT;
    }
    mcuq_profile_start();
    for (int32_t i = 0; i < count; i++) {
        bench_layer layer;
        const int status = read_layer(&layer);
        if (status != 0) {
            return status;
        }
        if (layer.kind == LINEAR) {
            add_weights(&layer);
        }
        mcuq_profile_mark();
        const int result = run_layer(&layer);
        mcuq_profile_mark();
        if (result != ARM_CMSIS_NN_SUCCESS) {
            return BAD_STATUS;
        }
        (void)mcuq_io_write(y, (size_t)layer.y_bytes);
    }
    mcuq_profile_stop();
    return 0;
}
