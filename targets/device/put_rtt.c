/*
 * Lines of the self-test into a ring buffer in RAM that a debug probe reads while the core runs: Real Time
 * Transfer as J-Link, OpenOCD, pyOCD and probe-rs know it. They find the control block by its first bytes.
 */
#include "mcuq_device.h"

/* A probe that reads seldom makes the core wait: more bytes make that rarer. */
#ifndef MCUQ_RTT_BYTES
#define MCUQ_RTT_BYTES 1024
#endif
#define RING_BYTES ((uint32_t)MCUQ_RTT_BYTES)

struct rtt_ring {
    const char *name;
    char *bytes;
    uint32_t size;
    volatile uint32_t write; /* by who fills it */
    volatile uint32_t read;  /* by who empties it */
    uint32_t flags;          /* 2: wait while it is full */
};

struct rtt_block {
    char id[16];
    int32_t up_rings;
    int32_t down_rings;
    struct rtt_ring up[1];
};

static char ring[RING_BYTES];

/* No static text has the mark as a whole, or a probe would find that instead. */
volatile struct rtt_block mcuq_rtt;

static void start(void)
{
    static const char reversed[] = "TTR REGGES";
    mcuq_rtt.up_rings = 1;
    mcuq_rtt.up[0].name = "mcuq";
    mcuq_rtt.up[0].bytes = ring;
    mcuq_rtt.up[0].size = RING_BYTES;
    mcuq_rtt.up[0].flags = 2U;
    for (uint32_t i = 0U; i < sizeof reversed - 1U; i++) {
        mcuq_rtt.id[i] = reversed[sizeof reversed - 2U - i];
    }
}

void mcuq_selftest_put(const char *line)
{
    if (mcuq_rtt.up_rings == 0) {
        start();
    }
    for (; *line != '\0'; line++) {
        const uint32_t at = mcuq_rtt.up[0].write;
        const uint32_t next = (at + 1U) % RING_BYTES;
        while (next == mcuq_rtt.up[0].read) {
            /* until the probe has made room */
        }
        ring[at] = *line;
        __asm__ volatile("" ::: "memory");
        mcuq_rtt.up[0].write = next;
    }
}
