/* int8 to int8. */
#include "proof.h"
#include "mcuq_conv2d_s8_4x2.h"

#define KERNEL mcuq_conv2d_s8_4x2
#define PARAMS mcuq_conv2d_s8_4x2_params
#define WEIGHT_MOST 128
#define WEIGHT_BYTES(filters, window_c) ((filters) * (window_c))
#define BIASES(channels, filters) (channels)
#include "families/windows.h"
