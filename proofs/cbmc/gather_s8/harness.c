/* Indices of int32. */
#include "proof.h"
#include "mcuq_gather_s8.h"

#define KERNEL mcuq_gather_s8
#define PARAMS mcuq_gather_s8_params
#define INDEX int32_t
#include "families/gather.h"
