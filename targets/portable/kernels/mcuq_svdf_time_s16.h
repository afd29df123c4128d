/*
 * Sums over what filters remember, int16 to int8.
 */
#ifndef MCUQ_SVDF_TIME_S16_H
#define MCUQ_SVDF_TIME_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* Shapes: x [rows][units][depth], weights [units][depth], bias [units], y [rows][units]. */
typedef struct {
    int32_t rows;
    int32_t units;
    int32_t depth;
    int32_t multiplier;
    int32_t shift;
    int32_t limit;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int16_t *weights;
    const int32_t *bias;
} mcuq_svdf_time_s16_params;

/* bias + sum x * w of one unit, limited to [-limit, limit], to all of int32 where shift is to the right. */
MCUQ_KERNEL int32_t mcuq_svdf_time_s16_sum(const mcuq_svdf_time_s16_params *p, const mcuq_int16 *x, const int16_t *w,
                                           int32_t bias)
{
    int64_t sum = bias;
    for (int32_t i = 0; i < p->depth; i++) {
        sum += (int32_t)x[i] * w[i]; /* a product is at most 2^30 */
    }
    const int64_t lowest = -(int64_t)p->limit - ((p->shift < 0) ? 1 : 0);
    const int64_t above = (sum < lowest) ? lowest : sum;
    return (int32_t)((above > p->limit) ? (int64_t)p->limit : above);
}

/* y = clamp(requantize(bias + sum x * w, which is limited) + y_zero_point, lo, hi). No overlap. */
MCUQ_CALLED void mcuq_svdf_time_s16(const mcuq_svdf_time_s16_params *p, const mcuq_int16 *restrict x,
                                    int8_t *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t unit = 0; unit < p->units; unit++) {
            const int32_t sum = mcuq_svdf_time_s16_sum(p, x, &p->weights[unit * p->depth], p->bias[unit]);
            const int32_t value = mcuq_requantize(sum, p->multiplier, p->shift);
            *y = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
            y++;
            x = &x[p->depth];
        }
    }
}

#endif
