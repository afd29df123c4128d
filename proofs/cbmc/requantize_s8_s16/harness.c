/* From int8 to int16. */
#include "proof.h"
#include "mcuq_requantize_s8_s16.h"

#define KERNEL mcuq_requantize_s8_s16
#define PARAMS mcuq_requantize_s8_s16_params
#define ELEMENT int8_t
#define BITS 8
#define RESULT mcuq_int16
#define RESULT_BITS 16
#include "families/requantize.h"
