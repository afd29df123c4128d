/* What both applications share: frames from the serial line into two buffers that take turns, and the answer. */
#ifndef SKELETON_H
#define SKELETON_H

#include <stdint.h>

/*
 * Begins to take frames: the letters MCUQ and a buffer's bytes. The interrupt fills one buffer while the other is
 * worked on; where both are full, the line waits. MCUE in the place of MCUQ is the end.
 */
void frames_begin(uint8_t *first, uint8_t *second, uint32_t bytes);

/* Sleeps until buffer 0 or 1 is full; returns 0 where no more will come. */
int frames_wait(int buffer);

/* The buffer may be filled again. */
void frames_done(int buffer);

/* One line: what was answered, its number, the best word and its score, and the time of the network. */
void answer_begin(const char *what, uint32_t number, const int8_t *scores, uint32_t cycles);
void answer_time(const char *what, uint32_t cycles); /* a time more */
void answer_end(void);

#endif
