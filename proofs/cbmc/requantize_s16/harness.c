/* From int16 to int16. */
#include "proof.h"
#include "mcuq_requantize_s16.h"

#define KERNEL mcuq_requantize_s16
#define PARAMS mcuq_requantize_s16_params
#define ELEMENT mcuq_int16
#define BITS 16
#define RESULT mcuq_int16
#define RESULT_BITS 16
#include "families/requantize.h"
