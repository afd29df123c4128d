/*
 * A constant border around codes, int16.
 */
#ifndef MCUQ_PAD_S16_H
#define MCUQ_PAD_S16_H

#include "mcuq_wide.h"

/* Shapes: x [in_0][in_1][in_2][in_3], y [out_0][out_1][out_2][out_3]; x starts at index before_* of y. */
typedef struct {
    int32_t in_0;
    int32_t in_1;
    int32_t in_2;
    int32_t in_3;
    int32_t out_0;
    int32_t out_1;
    int32_t out_2;
    int32_t out_3;
    int32_t before_0;
    int32_t before_1;
    int32_t before_2;
    int32_t before_3;
    int32_t value;
} mcuq_pad_s16_params;

/* y = x with a border of value. x and y do not overlap. */
MCUQ_CALLED void mcuq_pad_s16(const mcuq_pad_s16_params *p, const mcuq_int16 *restrict x, mcuq_int16 *restrict y)
{
    const int32_t count = p->out_0 * p->out_1 * p->out_2 * p->out_3;
    for (int32_t i = 0; i < count; i++) {
        y[i] = (int16_t)p->value;
    }
    for (int32_t i = 0; i < p->in_0; i++) {
        for (int32_t j = 0; j < p->in_1; j++) {
            for (int32_t k = 0; k < p->in_2; k++) {
                const int32_t plane = ((i + p->before_0) * p->out_1) + j + p->before_1;
                const int32_t row = (plane * p->out_2) + k + p->before_2;
                (void)memcpy(&y[(row * p->out_3) + p->before_3], x, (size_t)p->in_3 * sizeof *x);
                x = &x[p->in_3];
            }
        }
    }
}

#endif
