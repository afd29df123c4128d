/* Features of int16. */
#include "proof.h"
#include "mcuq_trees_s16.h"

#define KERNEL mcuq_trees_s16
#define PARAMS mcuq_trees_s16_params
#define ELEMENT mcuq_int16
#include "families/trees.h"
