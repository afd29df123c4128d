/*
 * What calls of CMSIS-NN share: the library's headers, a check that they are of version 7, and its requantization.
 *
 * The library is yours to bring: its Include folder on the include path, its sources or its archive to link.
 */
#ifndef MCUQ_CMSIS_NN_H
#define MCUQ_CMSIS_NN_H

#include "mcuq_common.h"
#include "mcuq_cmsis_nn_rounding.h"

#if defined(__has_include)
#if !__has_include(<arm_nnfunctions.h>)
#error "mcuq: this model calls CMSIS-NN: put the library's Include folder on the include path"
#endif
#endif

#include <arm_nnfunctions.h>
#include <arm_nnsupportfunctions.h>

/* The headers state no version of the library; this constant came with version 7. */
#if !defined(CONVERT_DW_CONV_WITH_ONE_INPUT_CH_AND_OUTPUT_CH_ABOVE_THRESHOLD)
#error "mcuq: this model calls CMSIS-NN 7: the headers on the include path are of an earlier version"
#endif

/* What a call returns beside the library's own status: the library asks for more work memory than was planned. */
#define MCUQ_CMSIS_NN_SCRATCH 1

/* The library's structs have no const in front of what it only reads. */
static inline int32_t *mcuq_cmsis_nn_scales(const int32_t *scales)
{
    return (int32_t *)(uintptr_t)scales;
}

static inline void *mcuq_cmsis_nn_constant(const int32_t *constant)
{
    return (void *)(uintptr_t)constant;
}

#endif
