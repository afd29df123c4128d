/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_constant_s8.h"

#define KERNEL mcuq_constant_s8
#define PARAMS mcuq_constant_s8_params
#define ELEMENT int8_t
#include "families/constant.h"
