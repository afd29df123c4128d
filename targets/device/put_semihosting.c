/* Lines of the self-test to the console of a debugger or an emulator, by semihosting. */
#include "mcuq_device.h"
#include "semihosting.h"

void mcuq_selftest_put(const char *line)
{
    mcuq_semihosting_print(line);
}
