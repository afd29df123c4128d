/* int16 to int16. */
#include "proof.h"

#include "families/mixed.h"
#include "mcuq_depthwise_conv2d_s16.h"

#define KERNEL mcuq_depthwise_conv2d_s16
#define PARAMS mcuq_depthwise_conv2d_s16_params
#define X_ELEMENT mcuq_int16
#define X_BITS 16
#define Y_ELEMENT mcuq_int16
#define Y_BITS 16
#define MIXED
#include "families/depthwise_conv2d.h"
