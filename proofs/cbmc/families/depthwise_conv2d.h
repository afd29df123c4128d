/* One tap, windows over every border with strides and gaps, several outputs of a channel, several images. */
#include "families/weighted.h"

typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t per_channel;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride;
    int32_t dilation;
    int32_t pad_top;
    int32_t pad_left;
} shape;

static void check(int32_t is_long, shape s)
{
    (void)is_long;
    const int32_t taps = s.kernel_h * s.kernel_w;
    const int32_t out_c = s.in_c * s.per_channel;
    SYMBOLIC(X_ELEMENT, x, s.n * s.in_h * s.in_w * s.in_c);
    SYMBOLIC(Y_ELEMENT, y, s.n * s.out_h * s.out_w * out_c);
    const int32_t lo = proof_number(CODE_MIN(Y_BITS), CODE_MAX(Y_BITS));
    const PARAMS p = {
        .n = s.n,
        .in_h = s.in_h,
        .in_w = s.in_w,
        .in_c = s.in_c,
        .out_h = s.out_h,
        .out_w = s.out_w,
        .out_c = out_c,
        .per_channel = s.per_channel,
        .kernel_h = s.kernel_h,
        .kernel_w = s.kernel_w,
        .stride_h = s.stride,
        .stride_w = s.stride,
        .dilation_h = s.dilation,
        .dilation_w = s.dilation,
        .pad_top = s.pad_top,
        .pad_left = s.pad_left,
        .weights = WEIGHTS(1, out_c, taps),
        ENDS(out_c, taps),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    const shape tap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0};
    const shape border = {1, 1, 2, 1, 1, 2, 1, 3, 2, 1, 1, 1, 1};
    const shape gaps = {1, 3, 1, 1, 2, 1, 1, 2, 1, 2, 2, 1, 0};
    const shape channels = {2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 0, 0};
    CHECK(tap);
    CHECK(border);
    CHECK(gaps);
    CHECK(channels);
    HARNESS_END;
}
