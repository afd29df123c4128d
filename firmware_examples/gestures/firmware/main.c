/*
 * Names movements of an arm: accelerations come over the serial line, one line "x y z" in thousandths of g for
 * each of 25 samples a second, as a sensor driver would hand them in. An empty line begins a new recording, E
 * ends the program.
 *
 * Windows slide by half of their length. There are two: the interrupt fills one while the network runs on the
 * other. Where both are full, the line waits.
 */
#include <string.h>

#include "board.h"
#include "gestures.h"
#include "gestures_arena.h"
#include "gestures_quantize.h"
#include "mcuq_device.h"

#define AXES 3U
#define HOP_BYTES (GESTURES_ACCELERATION_ELEMS / 2)

static const char *const names[GESTURES_PROBABILITIES_ELEMS] = {" PEN", " ABD", " FEL", " IR", " ER", " TRAP", " ROW"};

static int8_t windows[2][GESTURES_ACCELERATION_ELEMS];
static volatile int is_full[2];
static volatile int is_ended;

/* What the interrupt knows: the window so far, the line so far. */
static int8_t sliding[GESTURES_ACCELERATION_ELEMS];
static uint32_t filled; /* bytes of it */
static int filling;
static int32_t sample[AXES];
static uint32_t axis;
static int has_digits, is_negative, has_text;

static void end_number(void)
{
    if ((has_digits != 0) && (axis < AXES)) {
        sample[axis] = (is_negative != 0) ? -sample[axis] : sample[axis];
        axis++;
    }
    has_digits = 0;
    is_negative = 0;
}

/* Returns 0 when a window is full and the next one is too. */
static int take_sample(void)
{
    for (uint32_t i = 0U; i < AXES; i++) {
        sliding[filled] = gestures_quantize_acceleration((float)sample[i] * 0.001f);
        filled++;
    }
    if (filled < GESTURES_ACCELERATION_ELEMS) {
        return 1;
    }
    (void)memcpy(windows[filling], sliding, sizeof sliding);
    (void)memcpy(sliding, &sliding[HOP_BYTES], HOP_BYTES);
    filled = HOP_BYTES;
    is_full[filling] = 1;
    filling = 1 - filling;
    return (is_full[filling] == 0) ? 1 : 0;
}

static int end_line(void)
{
    const uint32_t found = axis;
    axis = 0U;
    if (has_text == 0) {
        filled = 0U;
    }
    has_text = 0;
    /* A line of another length is damaged, and passed over. */
    return (found == AXES) ? take_sample() : 1;
}

int board_take(uint8_t byte)
{
    if ((byte != (uint8_t)'\n') && (byte != (uint8_t)'\r')) {
        has_text = 1;
    }
    if ((byte >= (uint8_t)'0') && (byte <= (uint8_t)'9') && (axis < AXES)) {
        sample[axis] = ((has_digits != 0) ? sample[axis] * 10 : 0) + (int32_t)(byte - (uint8_t)'0');
        sample[axis] = (sample[axis] > 100000) ? 100000 : sample[axis];
        has_digits = 1;
    } else if (byte == (uint8_t)'-') {
        is_negative = 1;
    } else if (byte == (uint8_t)'E') {
        is_ended = 1;
    } else {
        end_number();
    }
    return (byte == (uint8_t)'\n') ? end_line() : 1;
}

static void print(uint32_t number, const int8_t *scores, uint32_t cycles)
{
    mcuq_line line;
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < GESTURES_PROBABILITIES_ELEMS; i++) {
        best = (scores[i] > scores[best]) ? i : best;
    }
    mcuq_line_begin(&line, "window");
    mcuq_line_decimal(&line, number);
    mcuq_line_text(&line, names[best]);
    mcuq_line_text(&line, " of 256");
    mcuq_line_decimal(&line, (uint32_t)(scores[best] - GESTURES_PROBABILITIES_ZERO_POINT));
    mcuq_line_text(&line, " us");
    mcuq_line_decimal(&line, cycles / (board_clock_hz() / 1000000U));
    mcuq_line_put(&line);
}

/* Sleeps until a window is full; returns 0 where no more will come. */
static int wait_for(int window)
{
    board_lock();
    while ((is_full[window] == 0) && (is_ended == 0)) {
        board_sleep();
        board_unlock();
        board_lock();
    }
    board_unlock();
    return is_full[window];
}

int main(void)
{
    static int8_t scores[GESTURES_PROBABILITIES_ELEMS];
    int running = 0; /* the window that the network runs on */
    (void)mcuq_timer_start();
    board_receive();
    for (uint32_t number = 0U; wait_for(running) != 0; number++) {
        const uint32_t start = mcuq_timer_read();
        if (gestures_infer(windows[running], scores, gestures_arena) != GESTURES_OK) {
            return 1;
        }
        const uint32_t cycles = mcuq_timer_read() - start;
        is_full[running] = 0;
        running = 1 - running;
        board_receive();
        print(number, scores, cycles);
    }
    return 0;
}
