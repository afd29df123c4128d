/*
 * Keyword spotting: features of a second of sound come over the serial line, what was said goes back.
 *
 * Two buffers: the interrupt fills one while the network runs on the other. Where both are full, the line waits.
 */
#include "board.h"
#include "kws.h"
#include "kws_arena.h"
#include "mcuq_device.h"

/* A frame is four letters and the codes of one input; END behind the letters of a frame ends the program. */
static const uint8_t mark[4] = {'M', 'C', 'U', 'Q'};
static const uint8_t last[4] = {'M', 'C', 'U', 'E'};

static int8_t buffers[2][KWS_INPUT_ELEMS];
static volatile int is_full[2];
static volatile int is_ended;
static int filling; /* the buffer that the interrupt fills */
static uint32_t matched, ending, received;

/* Looks for the mark of the next frame; what does not belong to one is passed over. */
static void take_mark(uint8_t byte)
{
    matched = (byte == mark[matched]) ? matched + 1U : ((byte == mark[0]) ? 1U : 0U);
    ending = (byte == last[ending]) ? ending + 1U : ((byte == last[0]) ? 1U : 0U);
    if (ending == sizeof last) {
        is_ended = 1;
        ending = 0U;
    }
}

int board_take(uint8_t byte)
{
    if (matched < sizeof mark) {
        take_mark(byte);
        return 1;
    }
    buffers[filling][received] = (int8_t)byte;
    received++;
    if (received < KWS_INPUT_ELEMS) {
        return 1;
    }
    is_full[filling] = 1;
    filling = 1 - filling;
    matched = 0U;
    ending = 0U;
    received = 0U;
    return (is_full[filling] == 0) ? 1 : 0;
}

static void print(uint32_t frame, const int8_t *scores, uint32_t cycles)
{
    mcuq_line line;
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < KWS_OUTPUT_ELEMS; i++) {
        best = (scores[i] > scores[best]) ? i : best;
    }
    mcuq_line_begin(&line, "frame");
    mcuq_line_decimal(&line, frame);
    mcuq_line_text(&line, " word");
    mcuq_line_decimal(&line, best);
    mcuq_line_text(&line, " of 256");
    mcuq_line_decimal(&line, (uint32_t)(scores[best] - KWS_OUTPUT_ZERO_POINT));
    mcuq_line_text(&line, " us");
    mcuq_line_decimal(&line, cycles / (board_clock_hz() / 1000000U));
    mcuq_line_put(&line);
}

/* Sleeps until a buffer is full; returns 0 where no more will come. */
static int wait_for(int buffer)
{
    board_lock();
    while ((is_full[buffer] == 0) && (is_ended == 0)) {
        board_sleep();
        board_unlock();
        board_lock();
    }
    board_unlock();
    return is_full[buffer];
}

int main(void)
{
    static int8_t scores[KWS_OUTPUT_ELEMS];
    int running = 0; /* the buffer that the network runs on */
    (void)mcuq_timer_start();
    board_receive();
    for (uint32_t frame = 0U;; frame++) {
        if (wait_for(running) == 0) {
            return 0;
        }
        const uint32_t start = mcuq_timer_read();
        if (kws_infer(buffers[running], scores, kws_arena) != KWS_OK) {
            return 1;
        }
        const uint32_t cycles = mcuq_timer_read() - start;
        is_full[running] = 0;
        running = 1 - running;
        board_receive();
        print(frame, scores, cycles);
    }
}
