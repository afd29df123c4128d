/* Reads handwritten digits that were compiled in, and says on the serial line what they are. */
#include "board.h"
#include "digits.h"
#include "digits_arena.h"
#include "digits_quantize.h"
#include "mcuq_device.h"
#include "samples.h" /* by samples.py: SAMPLES, samples of pixels, labels */

static int8_t image[DIGITS_IMAGE_ELEMS];
static int8_t probabilities[DIGITS_PROBABILITIES_ELEMS];

/* Nothing is received. */
int board_take(uint8_t byte)
{
    (void)byte;
    return 1;
}

static uint32_t best_of(const int8_t *scores)
{
    uint32_t best = 0U;
    for (uint32_t i = 1U; i < DIGITS_PROBABILITIES_ELEMS; i++) {
        best = (scores[i] > scores[best]) ? i : best;
    }
    return best;
}

int main(void)
{
    uint32_t right = 0U;
    mcuq_line line;
    (void)mcuq_timer_start();
    for (uint32_t number = 0U; number < SAMPLES; number++) {
        for (uint32_t i = 0U; i < DIGITS_IMAGE_ELEMS; i++) {
            image[i] = digits_quantize_image((float)samples[number][i]);
        }
        const uint32_t start = mcuq_timer_read();
        if (digits_infer(image, probabilities, digits_arena) != DIGITS_OK) {
            return 1;
        }
        const uint32_t cycles = mcuq_timer_read() - start;
        const uint32_t digit = best_of(probabilities);
        right += (digit == labels[number]) ? 1U : 0U;
        mcuq_line_begin(&line, "image");
        mcuq_line_decimal(&line, number);
        mcuq_line_text(&line, " digit");
        mcuq_line_decimal(&line, digit);
        mcuq_line_text(&line, " of 256");
        mcuq_line_decimal(&line, (uint32_t)(probabilities[digit] - DIGITS_PROBABILITIES_ZERO_POINT));
        mcuq_line_text(&line, " us");
        mcuq_line_decimal(&line, cycles / (board_clock_hz() / 1000000U));
        mcuq_line_put(&line);
    }
    mcuq_line_begin(&line, "right");
    mcuq_line_decimal(&line, right);
    mcuq_line_text(&line, " of");
    mcuq_line_decimal(&line, SAMPLES);
    mcuq_line_put(&line);
    return 0;
}
