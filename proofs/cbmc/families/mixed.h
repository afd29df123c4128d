/*
 * How sums of kernels with int16 become codes: any code within the limits. That of long sums is the claim "long sums" of
 * proofs/smt; others are requantized like all. The file stands before the kernel's header.
 */
#define mcuq_mixed_put mcuq_mixed_put_in_full
#include "mcuq_mixed.h"
#undef mcuq_mixed_put

static void mcuq_mixed_put(mcuq_mixed_end end, void *y, int32_t i, int64_t sum, int32_t multiplier, int32_t shift,
                           int32_t is_wide)
{
    const int64_t most = (end.is_long != 0) ? ((int64_t)1 << 47) : INT32_MAX;
    ASSERT((-most <= sum) && (sum <= most), "a sum is within its limits");
    ASSERT((multiplier >= 0) && ((end.is_long == 0) || (multiplier <= 0x7FFF)), "a multiplier is within its limits");
    ASSERT((shift >= -31) && (shift <= ((end.is_long != 0) ? 14 : 30)), "a shift is within its limits");
    const int32_t code = proof_number(end.lo, end.hi);
    if (is_wide != 0) {
        ((mcuq_int16 *)y)[i] = (int16_t)code;
    } else {
        ((int8_t *)y)[i] = (int8_t)code;
    }
}
