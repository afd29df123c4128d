/* Features of int8. */
#include "proof.h"
#include "mcuq_feature_scale_s8.h"

#define KERNEL mcuq_feature_scale_s8
#define PARAMS mcuq_feature_scale_s8_params
#define ELEMENT int8_t
#include "families/feature_scale.h"
