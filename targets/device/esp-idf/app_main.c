/*
 * The self-test as an application of ESP-IDF 5: its lines go to the console, and cycles are those of the core's
 * performance counter, which ESP-IDF reads. Source: ESP-IDF Programming Guide, application startup flow;
 * esp_cpu.h.
 */
#include <stdio.h>

#include "esp_cpu.h"
#include "mcuq_device.h"

/* The main of the self-test, as CMakeLists.txt calls it. */
int mcuq_selftest_main(void);
void app_main(void);

void mcuq_selftest_put(const char *line)
{
    (void)fputs(line, stdout);
    (void)fflush(stdout);
}

const char *mcuq_timer_start(void)
{
    return "mpccr";
}

uint32_t mcuq_timer_read(void)
{
    return (uint32_t)esp_cpu_get_cycle_count();
}

void app_main(void)
{
    (void)mcuq_selftest_main();
}
