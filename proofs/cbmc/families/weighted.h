/*
 * What harnesses of weighted sums share. MIXED: kernels with an input or output of int16, whose parameters say whether
 * sums are long; NIBBLES: weights of four bits, two in a byte; QUADS: such of four channels in two bytes, channels of
 * zeros filling up the last four of a group. WEIGHTS: of each of `groups`, `filters` of `taps`.
 */
#if defined(QUADS)
#define WEIGHTS(groups, filters, taps) proof_bytes((groups) * (((filters) + 3) / 4) * 2 * (taps), -128, 127)
#define WEIGHT_MOST 8
#elif defined(NIBBLES)
#define WEIGHTS(groups, filters, taps) proof_bytes((((groups) * (filters) * (taps)) + 1) / 2, -128, 127)
#define WEIGHT_MOST 8
#else
#define WEIGHTS(groups, filters, taps) proof_bytes((groups) * (filters) * (taps), -128, 127)
#define WEIGHT_MOST 128
#endif
#define PRODUCT_MOST (((X_BITS == 8) ? 255 : 32768) * WEIGHT_MOST)

#if defined(MIXED)
#define ENDS(channels, taps)                                                                                \
    .x_zero_point = ZERO_POINT_OF(X_BITS), .y_zero_point = ZERO_POINT_OF(Y_BITS), .lo = lo,                  \
    .hi = proof_number(lo, CODE_MAX(Y_BITS)), .is_long = is_long,                                            \
    .bias = proof_biases(channels, taps, PRODUCT_MOST),                                                      \
    .multiplier = proof_numbers(channels, 0, (is_long != 0) ? 0x7FFF : INT32_MAX),                           \
    .shift = proof_bytes(channels, -31, (is_long != 0) ? 14 : 30)
#define CHECK(...)                                                                                           \
    check(0, __VA_ARGS__);                                                                                   \
    check(1, __VA_ARGS__)
#else
#define ENDS(channels, taps)                                                                                \
    .x_zero_point = ZERO_POINT, .y_zero_point = ZERO_POINT, .lo = lo, .hi = proof_number(lo, 127),           \
    .bias = proof_biases(channels, taps, PRODUCT_MOST), .multiplier = proof_multipliers(channels),           \
    .shift = proof_shifts(channels)
#define CHECK(...) check(0, __VA_ARGS__)
#endif
