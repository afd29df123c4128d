/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_max_pool_s16.h"

#define KERNEL mcuq_max_pool_s16
#define PARAMS mcuq_max_pool_s16_params
#define ELEMENT mcuq_int16
#define BITS 16
#define MORE .dilation_h = 1, .dilation_w = 1,
#include "families/pool.h"
