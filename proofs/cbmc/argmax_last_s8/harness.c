/* The last of the largest. */
#include "proof.h"
#include "mcuq_argmax_last_s8.h"

#define KERNEL mcuq_argmax_last_s8
#define PARAMS mcuq_argmax_last_s8_params
#include "families/argmax.h"
