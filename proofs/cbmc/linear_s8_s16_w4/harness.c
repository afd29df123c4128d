/* int8 to int16, weights of four bits. */
#include "proof.h"

#include "families/mixed.h"
#include "mcuq_linear_s8_s16_w4.h"

#define KERNEL mcuq_linear_s8_s16_w4
#define PARAMS mcuq_linear_s8_s16_w4_params
#define X_ELEMENT int8_t
#define X_BITS 8
#define Y_ELEMENT mcuq_int16
#define Y_BITS 16
#define MIXED
#define QUADS
#include "families/linear.h"
