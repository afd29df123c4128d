/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_copy_s8.h"

#define KERNEL mcuq_copy_s8
#define PARAMS mcuq_copy_s8_params
#define ELEMENT int8_t
#include "families/copy.h"
