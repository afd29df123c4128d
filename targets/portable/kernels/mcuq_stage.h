/*
 * Constants of a step on their way from flash into work memory, where they wait for its kernel.
 */
#ifndef MCUQ_STAGE_H
#define MCUQ_STAGE_H

#include "mcuq_common.h"

/* `bytes` of constants to `to`, both aligned to 4. No overlap. */
MCUQ_KERNEL void mcuq_stage(int8_t *to, const void *from, int32_t bytes)
{
    (void)memcpy(to, from, (size_t)bytes);
}

#endif
