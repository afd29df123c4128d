/* The family's checks with int8. */
#include "proof.h"
#include "mcuq_average_pool_s8.h"

#define KERNEL mcuq_average_pool_s8
#define PARAMS mcuq_average_pool_s8_params
#define ELEMENT int8_t
#define BITS 8
#define MORE .counts_outside = proof_number(0, 1), .outside = proof_number(CODE_MIN(BITS), CODE_MAX(BITS)),
#include "families/pool.h"
