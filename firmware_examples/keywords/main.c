/* Keyword spotting: features of a second of sound come over the serial line, what was said goes back. */
#include "board.h"
#include "kws.h"
#include "kws_arena.h"
#include "mcuq_device.h"
#include "skeleton.h"

static int8_t buffers[2][KWS_INPUT_ELEMS];

int main(void)
{
    static int8_t scores[KWS_OUTPUT_ELEMS];
    int running = 0; /* the buffer that the network runs on */
    (void)mcuq_timer_start();
    frames_begin((uint8_t *)buffers[0], (uint8_t *)buffers[1], KWS_INPUT_ELEMS);
    for (uint32_t frame = 0U;; frame++) {
        if (frames_wait(running) == 0) {
            return 0;
        }
        const uint32_t start = mcuq_timer_read();
        if (kws_infer(buffers[running], scores, kws_arena) != KWS_OK) {
            return 1;
        }
        const uint32_t cycles = mcuq_timer_read() - start;
        frames_done(running);
        running = 1 - running;
        answer_begin("frame", frame, scores, cycles);
        answer_end();
    }
}
