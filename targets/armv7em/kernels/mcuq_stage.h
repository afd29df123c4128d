/*
 * Constants of a step on their way from flash into work memory, where they wait for its kernel: for cores with DSP
 * instructions, eight words at a time.
 */
#ifndef MCUQ_STAGE_H
#define MCUQ_STAGE_H

#include "mcuq_dsp.h"

#if MCUQ_HAS_DSP

/* r0 = to, r1 = from, r2 = how many blocks of 32 bytes, at least 1: 22 cycles for each. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_stage_blocks(int8_t *to, const int8_t *from, int32_t blocks)
{
    MCUQ_REGISTER(int8_t *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(int32_t, r2, blocks);
    __asm__ volatile(
        "push {r4-r10, lr}\n"
        ".p2align 2\n"
        "1:\n ldm.w r1!, {r3-r10}\n stm.w r0!, {r3-r10}\n subs.n r2, r2, #1\n bne.n 1b\n"
        "pop {r4-r10, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_stage_blocks(int8_t *to, const int8_t *from, int32_t blocks)
{
    (void)memcpy(to, from, 32U * (size_t)blocks);
}

#endif

/* `bytes` of constants to `to`, both aligned to 4. No overlap. */
MCUQ_KERNEL void mcuq_stage(int8_t *to, const void *from, int32_t bytes)
{
    const int8_t *const bytes_from = (const int8_t *)from;
    const int32_t blocks = bytes / 32;
    const int32_t whole = 32 * blocks;
    if (blocks > 0) {
        mcuq_stage_blocks(to, bytes_from, blocks);
    }
    (void)memcpy(&to[whole], &bytes_from[whole], (size_t)(bytes - whole));
}

#endif
