/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_pad_s8.h"

#define KERNEL mcuq_pad_s8
#define PARAMS mcuq_pad_s8_params
#define ELEMENT int8_t
#define BITS 8
#include "families/pad.h"
