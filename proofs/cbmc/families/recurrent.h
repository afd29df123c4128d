/*
 * The sums of mcuq_recurrent.h, which stay within 2^28 in magnitude: the model's compiler proves so much. The file
 * stands before the kernel's header.
 */
#define mcuq_recurrent_sum mcuq_recurrent_sum_of_any_size
#include "mcuq_recurrent.h"
#undef mcuq_recurrent_sum

static int32_t mcuq_recurrent_sum(const mcuq_recurrent_sums *s, int32_t row, const int8_t *x)
{
    const int32_t sum = mcuq_recurrent_sum_of_any_size(s, row, x);
    ASSUME((-((int32_t)1 << 28) <= sum) && (sum <= ((int32_t)1 << 28)));
    return sum;
}

/* tanh(k / 32) in Q0.15 for k of 0 to 256: any that grow from 0 on. */
static const int16_t *proof_tanh(void)
{
    return proof_halves(257, 0, 32767);
}

/* Any layer of these sizes: its order, its codes, and a state to begin with and without. */
#define LAYER                                                                                               \
    .steps = steps, .in_c = in_c, .units = units, .is_reverse = proof_number(0, 1),                         \
    .gate_limit = proof_number(0, 32767), .x_zero_point = ZERO_POINT, .y_zero_point = ZERO_POINT,           \
    .y_multiplier = MULTIPLIER, .has_initial = proof_number(0, 1), .h_zero_point = ZERO_POINT,              \
    .h_multiplier = MULTIPLIER, .h_shift = SHIFT

/* Rows of weights of inputs and of states; how each sum is requantized. */
#define ROWS(name, rows, count)                                                                             \
    .name##_weights = proof_bytes((rows) * (count), -128, 127), .name##_bias = proof_biases(rows, count, 32640)
#define X_ROWS(rows)                                                                                        \
    ROWS(x, rows, in_c), .x_multiplier = proof_multipliers(rows), .x_shift = proof_shifts(rows)
#define H_ROWS(rows)                                                                                        \
    ROWS(h, rows, units), .h_multipliers = proof_multipliers(rows), .h_shifts = proof_shifts(rows)
