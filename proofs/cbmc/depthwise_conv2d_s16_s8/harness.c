/* int16 to int8. */
#include "proof.h"

#include "families/mixed.h"
#include "mcuq_depthwise_conv2d_s16_s8.h"

#define KERNEL mcuq_depthwise_conv2d_s16_s8
#define PARAMS mcuq_depthwise_conv2d_s16_s8_params
#define X_ELEMENT mcuq_int16
#define X_BITS 16
#define Y_ELEMENT int8_t
#define Y_BITS 8
#define MIXED
#include "families/depthwise_conv2d.h"
