/* From int16 to int8. */
#include "proof.h"
#include "mcuq_requantize_s16_s8.h"

#define KERNEL mcuq_requantize_s16_s8
#define PARAMS mcuq_requantize_s16_s8_params
#define ELEMENT mcuq_int16
#define BITS 16
#define RESULT int8_t
#define RESULT_BITS 8
#include "families/requantize.h"
