/* Lines of the self-test to the board's serial line. */
#include "board.h"
#include "mcuq_device.h"

void mcuq_selftest_put(const char *line)
{
    for (; *line != '\0'; line++) {
        if (*line == '\n') {
            board_put((uint8_t)'\r');
        }
        board_put((uint8_t)*line);
    }
}
