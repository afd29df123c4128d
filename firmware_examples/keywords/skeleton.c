/* Frames from the serial line, and the answer. */
#include "skeleton.h"

#include "board.h"
#include "kws.h"
#include "mcuq_device.h"

/* A frame is four letters and the bytes of one buffer; END behind the letters of a frame ends the program. */
static const uint8_t mark[4] = {'M', 'C', 'U', 'Q'};
static const uint8_t last[4] = {'M', 'C', 'U', 'E'};

static uint8_t *buffers[2];
static uint32_t buffer_bytes;
static volatile int is_full[2];
static volatile int is_ended;
static int filling; /* the buffer that the interrupt fills */
static uint32_t matched, ending, received;
static mcuq_line line;

void frames_begin(uint8_t *first, uint8_t *second, uint32_t bytes)
{
    buffers[0] = first;
    buffers[1] = second;
    buffer_bytes = bytes;
    board_receive();
}

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
    buffers[filling][received] = byte;
    received++;
    if (received < buffer_bytes) {
        return 1;
    }
    is_full[filling] = 1;
    filling = 1 - filling;
    matched = 0U;
    ending = 0U;
    received = 0U;
    return (is_full[filling] == 0) ? 1 : 0;
}

int frames_wait(int buffer)
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

void frames_done(int buffer)
{
    is_full[buffer] = 0;
    board_receive();
}

void answer_begin(const char *what, uint32_t number, const int8_t *scores, uint32_t cycles)
{
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < KWS_OUTPUT_ELEMS; i++) {
        best = (scores[i] > scores[best]) ? i : best;
    }
    mcuq_line_begin(&line, what);
    mcuq_line_decimal(&line, number);
    mcuq_line_text(&line, " word");
    mcuq_line_decimal(&line, best);
    mcuq_line_text(&line, " of 256");
    mcuq_line_decimal(&line, (uint32_t)(scores[best] - KWS_OUTPUT_ZERO_POINT));
    answer_time("", cycles);
}

void answer_time(const char *what, uint32_t cycles)
{
    mcuq_line_text(&line, what);
    mcuq_line_text(&line, " us");
    mcuq_line_decimal(&line, cycles / (board_clock_hz() / 1000000U));
}

void answer_end(void)
{
    mcuq_line_put(&line);
}
