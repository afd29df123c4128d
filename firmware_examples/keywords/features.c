/*
 * Features of sound in plain C with floats, without a C library's mathematics, so that every core computes the
 * same: compile it without contraction of products and sums, as GCC does for -std=c99.
 */
#include "features.h"

#include <string.h>

#include "features_tables.h"

#define POINTS 256 /* complex ones: the even samples of 512 are real parts, the odd ones imaginary */
#define BITS 8     /* of the index of a point */
#define BANDS 40
#define FLOOR 1e-6F
#define LN2 0.693147181F

static float re[POINTS];
static float im[POINTS];
static float spectrum[(POINTS / 2) + 1]; /* up to 4 kHz, where the last band ends */

int16_t features_largest(const int16_t *samples)
{
    int16_t largest = 1;
    for (int32_t i = 0; i < FEATURES_SAMPLES; i++) {
        largest = (samples[i] > largest) ? samples[i] : largest;
    }
    return largest;
}

/* Newton's method, from a guess that halves the exponent; value: 0 or a normal number. */
static float root(float value)
{
    uint32_t bits;
    float guess;
    if (value < 1e-30F) {
        return 0.0F;
    }
    (void)memcpy(&bits, &value, sizeof bits);
    bits = (bits >> 1) + 0x1FBD1DF5U;
    (void)memcpy(&guess, &bits, sizeof guess);
    for (int round = 0; round < 3; round++) {
        guess = 0.5F * (guess + (value / guess));
    }
    return guess;
}

/* ln(2^e m) = e ln 2 + 2 artanh((m - 1) / (m + 1)), m from 0.707 to 1.414; value: a normal number above 0. */
static float logarithm(float value)
{
    uint32_t bits;
    float part;
    (void)memcpy(&bits, &value, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 23) - 127;
    bits = (bits & 0x007FFFFFU) | 0x3F800000U;
    (void)memcpy(&part, &bits, sizeof part);
    if (part > 1.41421356F) {
        part *= 0.5F;
        exponent++;
    }
    const float s = (part - 1.0F) / (part + 1.0F);
    const float t = s * s;
    const float series = 1.0F + (t * (0.333333333F + (t * (0.2F + (t * (0.142857143F + (t * 0.111111111F)))))));
    return ((float)exponent * LN2) + (2.0F * s * series);
}

/* Where a point goes before the butterflies: its index with the bits in reverse. */
static uint32_t reversed(uint32_t index)
{
    uint32_t found = 0U;
    for (uint32_t bit = 0U; bit < BITS; bit++) {
        found = (found << 1) | ((index >> bit) & 1U);
    }
    return found;
}

static void load(const int16_t *samples, int16_t largest)
{
    for (uint32_t i = 0U; i < POINTS; i++) {
        const uint32_t to = reversed(i);
        const uint32_t at = 2U * i;
        const int is_inside = at < (uint32_t)FEATURES_LENGTH;
        re[to] = is_inside ? (((float)samples[at] / (float)largest) * table_window[at]) : 0.0F;
        im[to] = is_inside ? (((float)samples[at + 1U] / (float)largest) * table_window[at + 1U]) : 0.0F;
    }
}

static void butterfly(uint32_t low, uint32_t high, float c, float s)
{
    const float x = (re[high] * c) - (im[high] * s);
    const float y = (re[high] * s) + (im[high] * c);
    re[high] = re[low] - x;
    im[high] = im[low] - y;
    re[low] += x;
    im[low] += y;
}

static void transform(void)
{
    for (uint32_t half = 1U; half < POINTS; half *= 2U) {
        for (uint32_t k = 0U; k < half; k++) {
            const uint32_t turn = k * (POINTS / half); /* of 512 parts */
            for (uint32_t low = k; low < POINTS; low += 2U * half) {
                butterfly(low, low + half, table_cos[turn], table_sin[turn]);
            }
        }
    }
}

/* The magnitude of point k, 1 to 255, of the 512 real samples: spectra of even and odd ones are taken apart. */
static float magnitude(uint32_t k)
{
    const uint32_t other = POINTS - k;
    const float even_re = 0.5F * (re[k] + re[other]);
    const float even_im = 0.5F * (im[k] - im[other]);
    const float odd_re = 0.5F * (im[k] + im[other]);
    const float odd_im = 0.5F * (re[other] - re[k]);
    const float x = even_re + ((odd_re * table_cos[k]) - (odd_im * table_sin[k]));
    const float y = even_im + ((odd_re * table_sin[k]) + (odd_im * table_cos[k]));
    return root((x * x) + (y * y));
}

void features_frame(const int16_t *samples, int16_t largest, float *features)
{
    uint32_t at = 0U;
    load(samples, largest);
    transform();
    for (uint32_t k = 1U; k <= (POINTS / 2U); k++) {
        spectrum[k] = magnitude(k);
    }
    for (uint32_t k = 0U; k < FEATURES_COEFFICIENTS; k++) {
        features[k] = 0.0F;
    }
    for (uint32_t band = 0U; band < BANDS; band++) {
        float sum = FLOOR;
        for (uint32_t i = 0U; i < table_count[band]; i++) {
            sum += table_weight[at] * spectrum[table_begin[band] + i];
            at++;
        }
        const float level = logarithm(sum);
        for (uint32_t k = 0U; k < FEATURES_COEFFICIENTS; k++) {
            features[k] += table_dct[(k * BANDS) + band] * level;
        }
    }
}
