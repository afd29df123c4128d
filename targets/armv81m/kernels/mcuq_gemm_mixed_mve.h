/*
 * The product of 2 pixels with all output channels where input or output is int16.
 */
#ifndef MCUQ_GEMM_MIXED_MVE_H
#define MCUQ_GEMM_MIXED_MVE_H

#include "mcuq_gemm_s16_mve.h"
#include "mcuq_gemm_s8_s16_mve.h"

/*
 * A walk over codes of the types that are said of x and y, as constants. is_slow: values are rounded once or, where
 * is_long, of int64; of int16 inputs alone.
 */
MCUQ_INLINE void mcuq_gemm_mixed_mve(const mcuq_gemm_mve_walk *walk, int32_t is_x_wide, int32_t is_y_wide,
                                     int32_t is_slow, int32_t is_long)
{
    if (is_x_wide == 0) {
        mcuq_gemm_s8_s16_mve(walk);
    } else if (is_slow != 0) {
        mcuq_gemm_s16_mve_slow(walk, is_long, is_y_wide);
    } else if (is_y_wide != 0) {
        mcuq_gemm_s16_mve(walk);
    } else {
        mcuq_gemm_s16_mve_narrow(walk);
    }
}

/* What `chunks` and `rest` of a walk are for so many codes. */
MCUQ_INLINE void mcuq_gemm_mixed_mve_codes(mcuq_gemm_mve_walk *walk, int32_t codes, int32_t is_x_wide,
                                           int32_t is_narrow)
{
    if (is_x_wide == 0) {
        walk->chunks = mcuq_gemm_mve_chunks(codes, is_narrow);
        walk->rest = codes % 16;
    } else {
        walk->chunks = codes / 8;
        walk->rest = codes % 8;
    }
}

#endif
