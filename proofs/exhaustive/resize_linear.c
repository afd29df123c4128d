/*
 * Linear resizing for every two weights, at the extremes of the four codes between which it computes.
 *
 * Every sum and its rounding grow or fall with each of the codes, whatever the others are; so what holds for all
 * extremes holds for all codes. Compiled with traps for signed overflow and shifts that are undefined.
 */
#include <stdio.h>

#include "mcuq_resize_linear_s8.h"

/* The law: to nearest, ties away from 0, of a sum in units of 2^-20. */
static int64_t rounded(int64_t sum)
{
    const int64_t half = (int64_t)1 << 19;
    return (sum >= 0) ? ((sum + half) / (2 * half)) : -((half - sum) / (2 * half));
}

/* One pixel of all three functions that can compute it; x: two rows of two codes, u and v: weights of the second. */
static int pixel_is_right(const int8_t *x, int32_t u, int32_t v)
{
    const int64_t above = (x[0] * (int64_t)(1024 - v)) + (x[1] * (int64_t)v);
    const int64_t below = (x[2] * (int64_t)(1024 - v)) + (x[3] * (int64_t)v);
    const int64_t law = rounded((above * (1024 - u)) + (below * u));
    const int16_t cols[1] = {0};
    const int16_t col_weights[1] = {(int16_t)v};
    const mcuq_resize_linear_s8_params p = {.out_w = 1, .cols = cols, .col_weights = col_weights};
    int8_t pixel = 0;
    int8_t line = 0;
    int8_t flat = (int8_t)law;
    mcuq_resize_linear_s8_pixel(x, &pixel, 1, 2, 1, u, v);
    mcuq_resize_linear_s8_line(&p, x, &x[2], u, &line);
    if (u == 0) {
        mcuq_resize_linear_s8_flat(&p, x, &flat);
    }
    return (pixel == law) && (line == law) && (flat == law) && (law >= -128) && (law <= 127);
}

int main(void)
{
    int64_t wrong = 0;
    for (int32_t weights = 0; weights < (1024 * 1024); weights++) {
        for (int32_t extremes = 0; extremes < 16; extremes++) {
            int8_t x[4];
            for (int32_t i = 0; i < 4; i++) {
                x[i] = (int8_t)((((extremes >> i) & 1) != 0) ? 127 : -128);
            }
            wrong += (pixel_is_right(x, weights / 1024, weights % 1024) != 0) ? 0 : 1;
        }
    }
    (void)printf("resize_linear: 2^20 pairs of weights, 2^4 extremes of codes, %lld wrong\n", (long long)wrong);
    return (wrong == 0) ? 0 : 1;
}
