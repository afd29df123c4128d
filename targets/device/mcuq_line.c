/* Lines of text without a C library. */
#include "mcuq_device.h"

void mcuq_line_begin(mcuq_line *line, const char *text)
{
    line->length = 0U;
    mcuq_line_text(line, text);
}

void mcuq_line_text(mcuq_line *line, const char *text)
{
    /* Two bytes are left for the end of the line. */
    for (; (*text != '\0') && (line->length < (MCUQ_LINE_BYTES - 2U)); text++) {
        line->text[line->length] = *text;
        line->length++;
    }
}

void mcuq_line_decimal(mcuq_line *line, uint32_t value)
{
    char digits[12];
    size_t at = sizeof digits - 1U;
    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (int)(value % 10U));
        value /= 10U;
    } while (value != 0U);
    at--;
    digits[at] = ' ';
    mcuq_line_text(line, &digits[at]);
}

void mcuq_line_hex(mcuq_line *line, uint32_t value)
{
    char digits[9];
    for (int place = 7; place >= 0; place--) {
        const int digit = (int)(value & 15U);
        digits[place] = (char)((digit < 10) ? ('0' + digit) : ('a' + digit - 10));
        value >>= 4;
    }
    digits[8] = '\0';
    mcuq_line_text(line, digits);
}

void mcuq_line_put(mcuq_line *line)
{
    line->text[line->length] = '\n';
    line->text[line->length + 1U] = '\0';
    mcuq_selftest_put(line->text);
}

uint32_t mcuq_checksum(const void *data, size_t bytes)
{
    /* Bit by bit: no table in flash. */
    const uint8_t *byte = (const uint8_t *)data;
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (((crc & 1U) != 0U) ? 0xEDB88320U : 0U);
        }
    }
    return crc ^ 0xFFFFFFFFU;
}
