/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_concat_s16.h"

#define KERNEL mcuq_concat_s16
#define PARAMS mcuq_concat_s16_params
#define ELEMENT mcuq_int16
#include "families/concat.h"
