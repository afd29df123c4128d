/*
 * Logarithm of softmax over rows, int8.
 */
#ifndef MCUQ_LOG_SOFTMAX_S8_H
#define MCUQ_LOG_SOFTMAX_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_softmax_s8.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; exponentials [256]: e^(-d * scale) in Q0.31 for the
 * distance d of a code from its row's largest.
 */
typedef struct {
    int32_t rows;
    int32_t count;
    int32_t x_multiplier;
    int32_t x_shift;
    int32_t log_multiplier;
    int32_t log_shift;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t y_zero_point;
    const int32_t *exponentials;
} mcuq_log_softmax_s8_params;

/* The binary logarithm of sum / 2^19 in Q12.16, digit by digit, for 2^19 <= sum < 2^31. */
MCUQ_KERNEL int32_t mcuq_log_softmax_s8_log(int32_t sum)
{
    int32_t log = 12;
    uint32_t x = (uint32_t)sum;
    while ((x & 0x80000000U) == 0U) {
        x <<= 1;
        log--;
    }
    for (int32_t i = 0; i < 16; i++) {
        const uint64_t square = ((uint64_t)x * x) >> 31; /* of a number in [1, 2) in Q1.31: below 2^33 */
        const uint32_t digit = (uint32_t)(square >> 32);
        x = (uint32_t)(square >> digit);
        log = (2 * log) + (int32_t)digit;
    }
    return log;
}

/* One row: x and y have p->count elements; y may be x. */
MCUQ_KERNEL void mcuq_log_softmax_s8_row(const mcuq_log_softmax_s8_params *p, const int8_t *x, int8_t *y)
{
    int32_t largest = -128;
    for (int32_t i = 0; i < p->count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < p->count; i++) {
        sum += mcuq_softmax_s8_shift(p->exponentials[largest - x[i]], 12);
    }
    const int32_t log = mcuq_requantize(mcuq_log_softmax_s8_log(sum), p->log_multiplier, p->log_shift);
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t value = mcuq_requantize(x[i] - largest, p->x_multiplier, p->x_shift) - log;
        const int32_t code = mcuq_requantize(value, p->y_multiplier, p->y_shift) + p->y_zero_point;
        y[i] = mcuq_clamp(code, -128, 127);
    }
}

/*
 * y = clamp(requantize(requantize(x - largest) - requantize(log2 of the sum of exponentials)) + y_zero_point)
 *
 * Along each row. y may be x; it may not overlap it otherwise. The inner values stay below 2^30: proved by the
 * model's compiler.
 */
MCUQ_CALLED void mcuq_log_softmax_s8(const mcuq_log_softmax_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_log_softmax_s8_row(p, &x[row * p->count], &y[row * p->count]);
    }
}

#endif
