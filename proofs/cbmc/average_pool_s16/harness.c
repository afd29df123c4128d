/* The family's checks with int16. */
#include "proof.h"
#include "mcuq_average_pool_s16.h"

#define KERNEL mcuq_average_pool_s16
#define PARAMS mcuq_average_pool_s16_params
#define ELEMENT mcuq_int16
#define BITS 16
#define MORE .counts_outside = proof_number(0, 1), .outside = proof_number(CODE_MIN(BITS), CODE_MAX(BITS)),
#include "families/pool.h"
