/*
 * Keyword spotting from sound: samples come in quarters of a second, 16 bits each, 16,000 a second; the last
 * second is answered behind each of them. A microphone's DMA fills the two buffers in a product.
 */
#include <string.h>

#include "board.h"
#include "features.h"
#include "kws.h"
#include "kws_arena.h"
#include "kws_quantize.h"
#include "mcuq_device.h"
#include "skeleton.h"

#define QUARTER (FEATURES_SAMPLES / 4)

/* The network has to take these features. */
typedef char input_is_features[(KWS_INPUT_ELEMS == (FEATURES_FRAMES * FEATURES_COEFFICIENTS)) ? 1 : -1];

static int16_t quarters[2][QUARTER];
static int16_t second[FEATURES_SAMPLES];
static int8_t codes[KWS_INPUT_ELEMS];

static void take_quarter(const int16_t *quarter)
{
    (void)memmove(second, &second[QUARTER], sizeof second - sizeof quarters[0]);
    (void)memcpy(&second[FEATURES_SAMPLES - QUARTER], quarter, sizeof quarters[0]);
}

static void compute_features(void)
{
    float found[FEATURES_COEFFICIENTS];
    int8_t *code = codes;
    const int16_t largest = features_largest(second);
    for (int32_t frame = 0; frame < FEATURES_FRAMES; frame++) {
        features_frame(&second[frame * FEATURES_HOP], largest, found);
        for (int32_t k = 0; k < FEATURES_COEFFICIENTS; k++) {
            *code = kws_quantize_input(found[k]);
            code++;
        }
    }
}

int main(void)
{
    static int8_t scores[KWS_OUTPUT_ELEMS];
    int running = 0; /* the buffer that is worked on */
    (void)mcuq_timer_start();
    frames_begin((uint8_t *)quarters[0], (uint8_t *)quarters[1], sizeof quarters[0]);
    for (uint32_t quarter = 1U;; quarter++) {
        if (frames_wait(running) == 0) {
            return 0;
        }
        take_quarter(quarters[running]);
        frames_done(running);
        running = 1 - running;
        if (quarter < 4U) {
            continue; /* the first second is not whole */
        }
        const uint32_t start = mcuq_timer_read();
        compute_features();
        const uint32_t between = mcuq_timer_read();
        if (kws_infer(codes, scores, kws_arena) != KWS_OK) {
            return 1;
        }
        const uint32_t cycles = mcuq_timer_read() - between;
        answer_begin("second", quarter - 4U, scores, cycles);
        answer_time(" features", between - start);
        answer_end();
    }
}
