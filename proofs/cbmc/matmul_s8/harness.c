/* int8 to int8. */
#include "proof.h"
#include "mcuq_matmul_s8.h"

#define KERNEL mcuq_matmul_s8
#define PARAMS mcuq_matmul_s8_params
#define A_ELEMENT int8_t
#define Y_ELEMENT int8_t
#define Y_BITS 8
#define MORE .a_zero_point = ZERO_POINT, .y_zero_point = ZERO_POINT,
#include "families/matmul.h"
