/* int8 to int8. */
#include "proof.h"
#include "mcuq_softmax_s8.h"

#define KERNEL mcuq_softmax_s8
#define PARAMS mcuq_softmax_s8_params
#define ELEMENT int8_t
#define RESULT int8_t
#define TABLES .exponentials = proof_exponentials(256)
#define IN_PLACE
#include "families/softmax_rows.h"
