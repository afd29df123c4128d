/*
 * Sums of decision trees, int16 to int8.
 */
#ifndef MCUQ_TREES_S16_H
#define MCUQ_TREES_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/*
 * Shapes: x [rows][features], y [rows][targets], roots [trees], base [targets], records [][3].
 *
 * A branch is {feature, threshold, skip} with skip > 0: its next node is the next record where x[feature] <=
 * threshold, and skip records on where not. A leaf is {-1, count, 0}, and count records {target, value, 0} behind it
 * are what it adds. A root is the number of a tree's first record.
 */
typedef struct {
    int32_t rows;
    int32_t features;
    int32_t targets;
    int32_t trees;
    int32_t y_zero_point;
    int32_t multiplier;
    int32_t shift;
    const int16_t *records;
    const int32_t *roots;
    const int32_t *base;
} mcuq_trees_s16_params;

/*
 * y = clamp(requantize(base + sum over trees of what their leaf adds) + y_zero_point, -128, 127)
 *
 * No overlap. scratch: 4 * targets bytes. A walk goes forward at every node, so that it ends; that it stays in its
 * tree, that features and targets are below their numbers, and that no sum leaves int32 is proved by the model's
 * compiler.
 */
MCUQ_CALLED void mcuq_trees_s16(const mcuq_trees_s16_params *p, const mcuq_int16 *restrict x, int8_t *restrict y,
                               int8_t *restrict scratch)
{
    mcuq_int32 *sums = (mcuq_int32 *)(void *)scratch;
    for (int32_t row = 0; row < p->rows; row++) {
        (void)memcpy(sums, p->base, (size_t)p->targets * sizeof *sums);
        for (int32_t tree = 0; tree < p->trees; tree++) {
            const int16_t *node = &p->records[3 * p->roots[tree]];
            while (node[0] >= 0) {
                node = &node[(x[node[0]] <= node[1]) ? 3 : (3 * node[2])];
            }
            for (int32_t count = node[1]; count > 0; count--) {
                node = &node[3];
                sums[node[0]] += node[1];
            }
        }
        for (int32_t i = 0; i < p->targets; i++) {
            const int32_t value = mcuq_requantize(sums[i], p->multiplier, p->shift);
            y[i] = mcuq_clamp(value + p->y_zero_point, -128, 127);
        }
        x = &x[p->features];
        y = &y[p->targets];
    }
}

#endif
