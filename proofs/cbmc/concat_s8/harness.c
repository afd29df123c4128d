/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_concat_s8.h"

#define KERNEL mcuq_concat_s8
#define PARAMS mcuq_concat_s8_params
#define ELEMENT int8_t
#include "families/concat.h"
