/* Lines of the self-test into the file that a run under emulation returns. */
#include "mcuq_device.h"
#include "mcuq_harness_io.h"

void mcuq_selftest_put(const char *line)
{
    size_t bytes = 0U;
    while (line[bytes] != '\0') {
        bytes++;
    }
    (void)mcuq_io_write(line, bytes);
}
