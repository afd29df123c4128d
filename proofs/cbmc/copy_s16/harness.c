/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_copy_s16.h"

#define KERNEL mcuq_copy_s16
#define PARAMS mcuq_copy_s16_params
#define ELEMENT mcuq_int16
#include "families/copy.h"
