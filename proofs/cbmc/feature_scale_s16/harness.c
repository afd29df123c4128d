/* Features of int16. */
#include "proof.h"
#include "mcuq_feature_scale_s16.h"

#define KERNEL mcuq_feature_scale_s16
#define PARAMS mcuq_feature_scale_s16_params
#define ELEMENT mcuq_int16
#include "families/feature_scale.h"
