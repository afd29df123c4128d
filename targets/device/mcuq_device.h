/*
 * What a self-test on a device is made of: one hook that prints, lines to print, and a counter of cycles.
 * docs/device.md describes the lines.
 */
#ifndef MCUQ_DEVICE_H
#define MCUQ_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Yours to define where no file put_*.c does: print one line, which ends in "\n" and a zero byte.
 * Nothing else is asked of a device. It is called outside of what is timed.
 */
void mcuq_selftest_put(const char *line);

/* Longer lines are cut at the end, where the name of the layer stands. */
#define MCUQ_LINE_BYTES 128

typedef struct {
    size_t length;
    char text[MCUQ_LINE_BYTES];
} mcuq_line;

void mcuq_line_begin(mcuq_line *line, const char *text);
void mcuq_line_text(mcuq_line *line, const char *text);
void mcuq_line_decimal(mcuq_line *line, uint32_t value); /* with a space in front */
void mcuq_line_hex(mcuq_line *line, uint32_t value);     /* eight digits */
void mcuq_line_put(mcuq_line *line);                     /* ends and prints it */

/* CRC-32 as in zlib. */
uint32_t mcuq_checksum(const void *data, size_t bytes);

/*
 * Start counting cycles of the core; returns the name of what counts. Differences of two readings are right
 * modulo 2^32.
 */
const char *mcuq_timer_start(void);
uint32_t mcuq_timer_read(void);

#endif
