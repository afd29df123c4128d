/* One tap, overlapping windows with padding, strides that leave outputs without an input, gaps, groups. */
#include "families/weighted.h"

typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t groups;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride;
    int32_t dilation;
    int32_t pad;
    int32_t tap_step;
    int32_t back_step;
} shape;

static void check(int32_t is_long, shape s)
{
    (void)is_long;
    const int32_t taps = s.kernel_h * s.kernel_w * (s.in_c / s.groups);
    SYMBOLIC(X_ELEMENT, x, s.in_h * s.in_w * s.in_c);
    SYMBOLIC(Y_ELEMENT, y, s.out_h * s.out_w * s.out_c);
    const int32_t lo = proof_number(CODE_MIN(Y_BITS), CODE_MAX(Y_BITS));
    const PARAMS p = {
        .n = 1,
        .in_h = s.in_h,
        .in_w = s.in_w,
        .in_c = s.in_c,
        .out_h = s.out_h,
        .out_w = s.out_w,
        .out_c = s.out_c,
        .groups = s.groups,
        .kernel_h = s.kernel_h,
        .kernel_w = s.kernel_w,
        .stride_h = s.stride,
        .stride_w = s.stride,
        .dilation_h = s.dilation,
        .dilation_w = s.dilation,
        .pad_top = s.pad,
        .pad_left = s.pad,
        .tap_step_h = s.tap_step,
        .tap_step_w = s.tap_step,
        .back_step_h = s.back_step,
        .back_step_w = s.back_step,
        .weights = WEIGHTS(s.groups, s.out_c / s.groups, taps),
        ENDS(s.out_c, taps),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    const shape tap = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1};
    const shape overlap = {1, 2, 1, 1, 2, 1, 1, 3, 2, 1, 1, 1, 1, 1};
    const shape strides = {2, 1, 1, 4, 2, 1, 1, 1, 1, 2, 1, 0, 2, 1};
    const shape gaps = {2, 1, 1, 4, 1, 1, 1, 2, 1, 1, 2, 0, 1, 2};
    const shape groups = {1, 1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 0, 1, 1};
    CHECK(tap);
    CHECK(overlap);
    CHECK(strides);
    CHECK(gaps);
    CHECK(groups);
    HARNESS_END;
}
