/* int8 to int16. */
#include "proof.h"
#include "mcuq_softmax_s8_s16.h"

#define KERNEL mcuq_softmax_s8_s16
#define PARAMS mcuq_softmax_s8_s16_params
#define ELEMENT int8_t
#define RESULT mcuq_int16
#define TABLES .exponentials = proof_exponentials(256)
#include "families/softmax_rows.h"
