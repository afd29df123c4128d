/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_add_broadcast_s16.h"

#define KERNEL mcuq_add_broadcast_s16
#define PARAMS mcuq_add_broadcast_s16_params
#define ELEMENT mcuq_int16
#define BITS 16
#include "families/add_broadcast.h"
