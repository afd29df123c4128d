/* int8 to int8, weights of four bits. */
#include "proof.h"
#include "mcuq_conv2d_s8_w4.h"

#define KERNEL mcuq_conv2d_s8_w4
#define PARAMS mcuq_conv2d_s8_w4_params
#define X_ELEMENT int8_t
#define X_BITS 8
#define Y_ELEMENT int8_t
#define Y_BITS 8
#define NIBBLES
#include "families/conv2d.h"
