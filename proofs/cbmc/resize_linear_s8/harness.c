/*
 * One channel and several, rows and columns of the image with and without one behind them, at weights of 0, 1 and 1023;
 * several images. What proofs/exhaustive shows for every weight: sums fit.
 */
#include "proof.h"
#include "mcuq_resize_linear_s8.h"

#define SIZE 2

/* Where two outputs of an axis lie, the first with a weight behind it and the second without. */
static int16_t *places(void)
{
    int16_t *const at = proof_halves(2, 0, SIZE - 1);
    ASSUME(at[0] < (SIZE - 1));
    return at;
}

static void check(int32_t channels, int16_t row_weight, int16_t col_weight)
{
    SYMBOLIC(int8_t, x, 2 * SIZE * SIZE * channels);
    SYMBOLIC(int8_t, y, 2 * 2 * 2 * channels);
    const int16_t row_weights[2] = {row_weight, 0};
    const int16_t col_weights[2] = {col_weight, 0};
    const mcuq_resize_linear_s8_params p = {
        .n = 2,
        .in_h = SIZE,
        .in_w = SIZE,
        .channels = channels,
        .out_h = 2,
        .out_w = 2,
        .rows = places(),
        .row_weights = row_weights,
        .cols = places(),
        .col_weights = col_weights,
    };
    mcuq_resize_linear_s8(&p, x, y);
}

void harness(void)
{
    check(1, 1, 1023);
    check(1, 1023, 1);
    check(2, 1, 1023);
    check(2, 1023, 1);
    HARNESS_END;
}
