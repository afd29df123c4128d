/*
 * A single value and groups over positions and channels, with and without their mean, in place as well. Normalized values
 * are at most 2^15, as the model's compiler proves; their scale is proved by itself, for sums of up to 2^17 values.
 */
#include "proof.h"

#define mcuq_normalize_root proof_root_of
#define mcuq_normalize_scale proof_scale_of
#define mcuq_normalize_value proof_value_of
#include "mcuq_normalize.h"
#undef mcuq_normalize_root
#undef mcuq_normalize_scale
#undef mcuq_normalize_value

static mcuq_normalize_group mcuq_normalize_scale(int32_t count, int32_t total, int32_t squares, int64_t epsilon,
                                                 int32_t fraction);
static int32_t mcuq_normalize_value(const mcuq_normalize_group *group, int64_t half, int32_t d);
#include "mcuq_normalize_s8.h"

#define COUNT_MOST 131072
#define FRACTION_MOST 13

static int64_t proof_epsilon(int32_t number, int32_t shift)
{
    return (int64_t)number * ((int64_t)1 << shift);
}

static mcuq_normalize_group mcuq_normalize_scale(int32_t count, int32_t total, int32_t squares, int64_t epsilon,
                                                 int32_t fraction)
{
    ASSERT((count >= 1) && (count <= COUNT_MOST), "a group has values");
    ASSERT((total >= (-255 * count)) && (total <= (255 * count)), "a sum is that of distances of codes");
    ASSERT(squares >= 0, "a sum of squares is not negative");
    ASSERT((epsilon >= 0) && (epsilon < ((int64_t)1 << 60)), "epsilon is below 2^60");
    const mcuq_normalize_group group = {total, proof_number(0, INT32_MAX),
                                        proof_number(31 - fraction, 61 - fraction)};
    return group;
}

static int32_t mcuq_normalize_value(const mcuq_normalize_group *group, int64_t half, int32_t d)
{
    (void)d;
    ASSERT(group->root >= 0, "a root is not negative");
    ASSERT((group->shift >= 1) && (group->shift <= 62), "a shift is in [1, 62]");
    ASSERT(half == ((int64_t)1 << (group->shift - 1)), "what rounds is half of a unit");
    return proof_number(-32768, 32768);
}

/* The root and the scale themselves: what is asserted and assumed above. */
static void check_scale(void)
{
    const int32_t fraction = proof_number(0, FRACTION_MOST);
    const int32_t total = proof_number(-255 * COUNT_MOST, 255 * COUNT_MOST);
    const int64_t epsilon = proof_epsilon(proof_number(0, INT32_MAX), proof_number(0, 29));
    const mcuq_normalize_group group = proof_scale_of(proof_number(1, COUNT_MOST), total, proof_number(0, INT32_MAX),
                                                      epsilon, fraction);
    ASSERT(group.root >= 0, "a root is not negative");
    ASSERT((group.shift >= (31 - fraction)) && (group.shift <= (61 - fraction)), "a shift is in [31, 61] - fraction");
}

static void check(int32_t outer, int32_t positions, int32_t groups, int32_t channels, int32_t is_in_place)
{
    const int32_t elements = outer * positions * groups * channels;
    SYMBOLIC(int8_t, x, elements);
    SYMBOLIC(int8_t, other, elements);
    const int32_t lo = proof_number(-128, 127);
    const mcuq_normalize_s8_params p = {
        .outer = outer,
        .positions = positions,
        .groups = groups,
        .channels = channels,
        .is_centred = proof_number(0, 1),
        .offset = ZERO_POINT,
        .epsilon = proof_number(0, INT32_MAX),
        .epsilon_shift = proof_number(0, 29),
        .fraction = proof_number(0, FRACTION_MOST),
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
        .gain = proof_halves(groups * channels, -32767, 32767),
        .bias = proof_numbers(groups * channels, -((int32_t)1 << 29), (int32_t)1 << 29),
    };
    mcuq_normalize_s8(&p, x, (is_in_place != 0) ? x : other);
}

void harness(void)
{
    check_scale();
    check(1, 1, 1, 1, 1);
    check(1, 2, 1, 2, 0);
    check(2, 1, 2, 1, 0);
    HARNESS_END;
}
