/* int8 to int8, weights of four bits. */
#include "proof.h"
#include "mcuq_conv2d_s8_w4_4x2.h"

#define KERNEL mcuq_conv2d_s8_w4_4x2
#define PARAMS mcuq_conv2d_s8_w4_4x2_params
#define WEIGHT_MOST 8
#define WEIGHT_BYTES(filters, window_c) (2 * (window_c) * (((filters) + 3) / 4))
#define BIASES(channels, filters) ((channels) + ((4 - ((filters) % 4)) % 4))
#include "families/windows.h"
