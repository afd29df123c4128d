/*
 * The features of keyword spotters of MLPerf Tiny: features.py says what they are. One second of sound, 16,000
 * samples a second, has FEATURES_FRAMES frames; each gives FEATURES_COEFFICIENTS numbers.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdint.h>

#define FEATURES_SAMPLES 16000 /* of a second */
#define FEATURES_LENGTH 480    /* samples of a frame */
#define FEATURES_HOP 320       /* from one frame to the next */
#define FEATURES_FRAMES 49
#define FEATURES_COEFFICIENTS 10

/* What a second is divided by: its largest sample, at least 1. samples: FEATURES_SAMPLES of them. */
int16_t features_largest(const int16_t *samples);

/*
 * One frame. samples: FEATURES_LENGTH of them; largest: of the second; features: FEATURES_COEFFICIENTS of them,
 * -124 to 60 about. Not for two threads at a time: its work memory, 2,564 bytes, is static.
 */
void features_frame(const int16_t *samples, int16_t largest, float *features);

#endif
