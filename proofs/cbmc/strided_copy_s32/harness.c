/* The family's checks with int32. */
#include "proof.h"
#include "mcuq_strided_copy_s32.h"

#define KERNEL mcuq_strided_copy_s32
#define PARAMS mcuq_strided_copy_s32_params
#define ELEMENT int32_t
#include "families/strided_copy.h"
