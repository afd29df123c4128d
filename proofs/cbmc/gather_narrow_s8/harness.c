/* Indices of int8. */
#include "proof.h"
#include "mcuq_gather_narrow_s8.h"

#define KERNEL mcuq_gather_narrow_s8
#define PARAMS mcuq_gather_narrow_s8_params
#define INDEX int8_t
#include "families/gather.h"
