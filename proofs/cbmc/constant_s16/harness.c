/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_constant_s16.h"

#define KERNEL mcuq_constant_s16
#define PARAMS mcuq_constant_s16_params
#define ELEMENT mcuq_int16
#include "families/constant.h"
