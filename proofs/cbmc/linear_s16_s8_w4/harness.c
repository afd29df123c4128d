/* int16 to int8, weights of four bits. */
#include "proof.h"

#include "families/mixed.h"
#include "mcuq_linear_s16_s8_w4.h"

#define KERNEL mcuq_linear_s16_s8_w4
#define PARAMS mcuq_linear_s16_s8_w4_params
#define X_ELEMENT mcuq_int16
#define X_BITS 16
#define Y_ELEMENT int8_t
#define Y_BITS 8
#define MIXED
#define QUADS
#include "families/linear.h"
