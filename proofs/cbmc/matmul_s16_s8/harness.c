/* int16 and int8 to int8; sums are limited as the shift asks for. */
#include "proof.h"
#include "mcuq_matmul_s16_s8.h"

#define KERNEL mcuq_matmul_s16_s8
#define PARAMS mcuq_matmul_s16_s8_params
#define A_ELEMENT mcuq_int16
#define Y_ELEMENT int8_t
#define Y_BITS 8
#define MORE .y_zero_point = ZERO_POINT, .limit = (shift < 0) ? (INT32_MAX - 256) : ((INT32_MAX - 256) >> shift),
#include "families/matmul.h"
