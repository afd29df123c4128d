/* One channel, few channels, and as many as are copied by a call; any rows and columns of the image. */
static void check(int32_t n, int32_t in_h, int32_t in_w, int32_t channels, int32_t out_h, int32_t out_w)
{
    SYMBOLIC(ELEMENT, x, n * in_h * in_w * channels);
    SYMBOLIC(ELEMENT, y, n * out_h * out_w * channels);
    const PARAMS p = {
        .n = n,
        .in_h = in_h,
        .in_w = in_w,
        .channels = channels,
        .out_h = out_h,
        .out_w = out_w,
        .rows = proof_halves(out_h, 0, in_h - 1),
        .cols = proof_halves(out_w, 0, in_w - 1),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(2, 2, 2, 1, 1, 3);
    check(1, 1, 2, 2, 2, 1);
    check(1, 2, 1, 8, 1, 2);
    HARNESS_END;
}
