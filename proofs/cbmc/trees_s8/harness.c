/* Features of int8. */
#include "proof.h"
#include "mcuq_trees_s8.h"

#define KERNEL mcuq_trees_s8
#define PARAMS mcuq_trees_s8_params
#define ELEMENT int8_t
#include "families/trees.h"
