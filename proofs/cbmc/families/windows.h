/*
 * One window and two at a time, of single taps and gathered over every border with strides and gaps; channels by fours
 * and what is left over; groups, several images.
 */
typedef struct {
    int32_t n;
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
    int32_t pad_top;
    int32_t pad_left;
} shape;

static void check(shape s)
{
    const int32_t window_c = s.kernel_h * s.kernel_w * (s.in_c / s.groups);
    SYMBOLIC(int8_t, x, s.n * s.in_h * s.in_w * s.in_c);
    SYMBOLIC(int8_t, y, s.n * s.out_h * s.out_w * s.out_c);
    SYMBOLIC(int8_t, scratch, 2 * window_c);
    const int32_t lo = proof_number(-128, 127);
    const PARAMS p = {
        .n = s.n,
        .in_h = s.in_h,
        .in_w = s.in_w,
        .in_c = s.in_c,
        .out_h = s.out_h,
        .out_w = s.out_w,
        .out_c = s.out_c,
        .groups = s.groups,
        .kernel_h = s.kernel_h,
        .kernel_w = s.kernel_w,
        .window_c = window_c,
        .stride_h = s.stride,
        .stride_w = s.stride,
        .dilation_h = s.dilation,
        .dilation_w = s.dilation,
        .pad_top = s.pad_top,
        .pad_left = s.pad_left,
        .x_zero_point = ZERO_POINT,
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
        .weights = proof_bytes(WEIGHT_BYTES(s.out_c / s.groups, window_c) * s.groups, -128, 127),
        .bias = proof_biases(BIASES(s.out_c, s.out_c / s.groups), window_c, 128 * WEIGHT_MOST),
        .multiplier = proof_multipliers(s.out_c),
        .shift = proof_shifts(s.out_c),
    };
    KERNEL(&p, x, y, scratch);
}

void harness(void)
{
    const shape taps = {1, 1, 3, 5, 1, 3, 5, 1, 1, 1, 1, 1, 0, 0};
    const shape border = {1, 1, 2, 1, 1, 2, 1, 1, 3, 2, 1, 1, 1, 1};
    const shape gaps = {1, 3, 1, 1, 2, 1, 1, 1, 2, 1, 2, 2, 1, 0};
    const shape groups = {2, 1, 1, 2, 1, 1, 2, 2, 1, 1, 1, 1, 0, 0};
    check(taps);
    check(border);
    check(gaps);
    check(groups);
    HARNESS_END;
}
