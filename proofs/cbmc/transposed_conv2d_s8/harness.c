/* int8 to int8. */
#include "proof.h"
#include "mcuq_transposed_conv2d_s8.h"

#define KERNEL mcuq_transposed_conv2d_s8
#define PARAMS mcuq_transposed_conv2d_s8_params
#define X_ELEMENT int8_t
#define X_BITS 8
#define Y_ELEMENT int8_t
#define Y_BITS 8
#include "families/transposed_conv2d.h"
