/* A single window, windows next to each other, and two images. */
static void check(int32_t n, int32_t in_h, int32_t in_w, int32_t channels, int32_t kernel_h, int32_t kernel_w)
{
    const int32_t out_h = in_h / kernel_h;
    const int32_t out_w = in_w / kernel_w;
    SYMBOLIC(ELEMENT, x, n * in_h * in_w * channels);
    SYMBOLIC(ELEMENT, y, n * out_h * out_w * channels);
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const int32_t zero_point = ZERO_POINT_OF(BITS);
    const PARAMS p = {
        .n = n,
        .in_h = in_h,
        .in_w = in_w,
        .channels = channels,
        .out_h = out_h,
        .out_w = out_w,
        .kernel_h = kernel_h,
        .kernel_w = kernel_w,
        .stride_h = kernel_h,
        .stride_w = kernel_w,
        .offset = zero_point * kernel_h * kernel_w,
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .y_zero_point = ZERO_POINT_OF(BITS),
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(BITS)),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1, 1, 1, 1, 1, 1);
    check(2, 2, 1, 2, 2, 1);
    check(1, 2, 4, 1, 1, 2);
    HARNESS_END;
}
