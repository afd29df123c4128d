/* int16 to int8. */
#include "proof.h"
#include "mcuq_softmax_s16_s8.h"

#define KERNEL mcuq_softmax_s16_s8
#define PARAMS mcuq_softmax_s16_s8_params
#define ELEMENT mcuq_int16
#define RESULT int8_t
#define TABLES .fine = proof_exponentials(256), .coarse = proof_exponentials(256)
#include "families/softmax_rows.h"
