/* int8 to int16; sums are limited as the shift asks for. */
#include "proof.h"
#include "mcuq_matmul_s8_s16.h"

#define KERNEL mcuq_matmul_s8_s16
#define PARAMS mcuq_matmul_s8_s16_params
#define A_ELEMENT int8_t
#define Y_ELEMENT mcuq_int16
#define Y_BITS 16
#define MORE .a_zero_point = ZERO_POINT, .limit = (shift < 0) ? (INT32_MAX - 256) : ((INT32_MAX - 256) >> shift),
#include "families/matmul.h"
