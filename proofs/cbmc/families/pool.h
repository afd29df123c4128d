/* A single window, windows over every border, strides, and two images; no window lies wholly in the padding by half. */
#if !defined(MORE)
#define MORE
#endif

static void check(int32_t n, int32_t in, int32_t channels, int32_t out, int32_t kernel, int32_t stride, int32_t pad)
{
    SYMBOLIC(ELEMENT, x, n * in * in * channels);
    SYMBOLIC(ELEMENT, y, n * out * out * channels);
    const PARAMS p = {
        .n = n,
        .in_h = in,
        .in_w = in,
        .channels = channels,
        .out_h = out,
        .out_w = out,
        .kernel_h = kernel,
        .kernel_w = kernel,
        .stride_h = stride,
        .stride_w = stride,
        .pad_top = pad,
        .pad_left = pad,
        MORE
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1, 1, 1, 1, 1, 1, 0);
    check(2, 2, 2, 1, 2, 1, 0);
    check(1, 2, 1, 2, 3, 1, 1);
    check(1, 3, 1, 2, 1, 2, 0);
    check(1, 1, 1, 3, 1, 1, 1);
    HARNESS_END;
}
