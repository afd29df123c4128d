/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_pad_s16.h"

#define KERNEL mcuq_pad_s16
#define PARAMS mcuq_pad_s16_params
#define ELEMENT mcuq_int16
#define BITS 16
#include "families/pad.h"
