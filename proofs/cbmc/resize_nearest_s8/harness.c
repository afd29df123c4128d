/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_resize_nearest_s8.h"

#define KERNEL mcuq_resize_nearest_s8
#define PARAMS mcuq_resize_nearest_s8_params
#define ELEMENT int8_t
#include "families/resize_nearest.h"
