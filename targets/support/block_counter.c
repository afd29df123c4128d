/*
 * Counts how often each basic block of an emulated program runs, and how often it is left by a taken branch.
 *
 * Compiled for the host as a shared library; the emulator calls mcuq_count_block for every block. Three
 * addresses steer it: `start` begins to count, `mark` begins the next layer, `stop` ends.
 */
#include <stdint.h>

typedef struct {
    uint64_t base;       /* first address of the code */
    uint64_t halfwords;  /* length of the code in halfwords */
    uint64_t layers;     /* room in the arrays */
    uint64_t start;
    uint64_t mark;
    uint64_t stop;
    uint64_t *runs;      /* [layers][halfwords] */
    uint64_t *taken;     /* [layers][halfwords] */
    uint32_t *sizes;     /* [halfwords], bytes of the block that starts there */
    uint64_t layer;
    uint64_t counting;   /* 0 before start and after stop */
    uint64_t last;       /* index of the block before, halfwords if there is none */
    uint64_t last_end;   /* the address behind it */
    uint64_t last_layer;
} mcuq_block_counter;

void mcuq_count_block(void *uc, uint64_t address, uint32_t size, void *user);

void mcuq_count_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    mcuq_block_counter *const c = (mcuq_block_counter *)user;
    (void)uc;
    if ((c->last < c->halfwords) && (address != c->last_end)) {
        c->taken[(c->last_layer * c->halfwords) + c->last]++;
    }
    c->last = c->halfwords;
    if (address == c->start) {
        c->counting = 1;
        c->layer = 0;
        return;
    }
    if (address == c->stop) {
        c->counting = 0;
        return;
    }
    if (c->counting == 0) {
        return;
    }
    if (address == c->mark) {
        c->layer += (c->layer + 1 < c->layers) ? 1 : 0;
        return;
    }
    const uint64_t index = (address - c->base) / 2;
    if (index >= c->halfwords) {
        return;
    }
    c->runs[(c->layer * c->halfwords) + index]++;
    c->sizes[index] = size;
    c->last = index;
    c->last_end = address + size;
    c->last_layer = c->layer;
}
