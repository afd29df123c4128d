/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_resize_nearest_s16.h"

#define KERNEL mcuq_resize_nearest_s16
#define PARAMS mcuq_resize_nearest_s16_params
#define ELEMENT mcuq_int16
#include "families/resize_nearest.h"
