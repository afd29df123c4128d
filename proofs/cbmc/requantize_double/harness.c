/* Requantization, contract "double": no overflow for any multiplier, shift and value, and no result beyond int32. */
#include "proof.h"
#include "mcuq_requantize_double.h"

void harness(void)
{
    const int32_t multiplier = MULTIPLIER;
    const int32_t shift = SHIFT;
    const int32_t room = (shift >= 0) ? ((INT32_MAX - 256) >> shift) : INT32_MAX;
    const int32_t value = nondet_int32();
    ASSUME((shift < 0) || ((-room <= value) && (value <= room)));
    const int32_t result = mcuq_requantize(value, multiplier, shift);
    const int32_t most = (shift >= 0) ? INT32_MAX : ((int32_t)1 << 30);
    ASSERT((-most <= result) && (result <= most), "the result's limits");
    HARNESS_END;
}
