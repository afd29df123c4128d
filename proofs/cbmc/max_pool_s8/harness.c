/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_max_pool_s8.h"

#define KERNEL mcuq_max_pool_s8
#define PARAMS mcuq_max_pool_s8_params
#define ELEMENT int8_t
#define BITS 8
#define MORE .dilation_h = 1, .dilation_w = 1,
#include "families/pool.h"
