/* int16 to int16. */
#include "proof.h"
#include "mcuq_softmax_s16.h"

#define KERNEL mcuq_softmax_s16
#define PARAMS mcuq_softmax_s16_params
#define ELEMENT mcuq_int16
#define RESULT mcuq_int16
#define TABLES .fine = proof_exponentials(256), .coarse = proof_exponentials(256)
#define IN_PLACE
#include "families/softmax_rows.h"
