/*
 * Runs one model of several in one program: inputs from outside, and what every step and output gave back.
 *
 * Every buffer stands between guards. Under AddressSanitizer each step may touch its own inputs, its output
 * and its scratch alone: all else is poisoned, in the arena too.
 */
#include <stdint.h>
#include <string.h>

#include "mcuq_harness_io.h"

#define GUARD_BYTES 32
#define GUARD 0x5A

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#define FORBID(at, bytes) __asan_poison_memory_region((at), (bytes))
#define ALLOW(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#else
#define FORBID(at, bytes) ((void)(at), (void)(bytes))
#define ALLOW(at, bytes) ((void)(at), (void)(bytes))
#endif

/* The data is aligned as the guard before it. */
#define BUFFER(type, name, count)          \
    typedef struct {                       \
        int64_t before[GUARD_BYTES / 8];   \
        type data[count];                  \
        uint8_t after[GUARD_BYTES];        \
    } name##_buffer;                       \
    static name##_buffer name

/* The same of one value of any type. */
#define GUARDED(type, name)                \
    typedef struct {                       \
        int64_t before[GUARD_BYTES / 8];   \
        type data;                         \
        uint8_t after[GUARD_BYTES];        \
    } name##_buffer;                       \
    static name##_buffer name

typedef struct {
    void *whole;
    size_t whole_bytes;
    uint8_t *data;
    size_t bytes;
} span;

typedef struct {
    unsigned step;
    void *at;
    size_t bytes;
} access;

#define SPAN(name) {&name, sizeof name, (uint8_t *)name.data, sizeof name.data}

/* The arena first, then the inputs, then the outputs. */
typedef struct {
    const span *spans;
    unsigned inputs;
    unsigned outputs;
    const access *accesses;
    unsigned access_count;
    span state; /* NULL where there is none */
    int (*begin)(void);
    int (*run)(void);
} model;

static inline int is_filled(const uint8_t *bytes, const uint8_t *end)
{
    while (bytes != end) {
        if (*bytes++ != GUARD) {
            return 0;
        }
    }
    return 1;
}

static inline int are_guards_intact(const span *each)
{
    const uint8_t *start = (const uint8_t *)each->whole;
    return is_filled(start, each->data) && is_filled(each->data + each->bytes, start + each->whole_bytes);
}

static inline void allow_all(const model *m)
{
    for (unsigned i = 0; i < 1U + m->inputs + m->outputs; i++) {
        ALLOW(m->spans[i].whole, m->spans[i].whole_bytes);
    }
}

static inline void allow_step(const model *m, unsigned step)
{
    for (unsigned i = 0; i < 1U + m->inputs + m->outputs; i++) {
        FORBID(m->spans[i].whole, m->spans[i].whole_bytes);
    }
    for (unsigned i = 0; i < m->access_count; i++) {
        if (m->accesses[i].step == step) {
            ALLOW(m->accesses[i].at, m->accesses[i].bytes);
        }
    }
}

static inline int run_sample(const model *m, int number, int is_traced)
{
    for (unsigned i = 0; i < 1U + m->inputs + m->outputs; i++) {
        const span *each = &m->spans[i];
        (void)memset(each->whole, GUARD, each->whole_bytes);
        /* Garbage that differs from run to run: nothing may depend on what memory held before. */
        (void)memset(each->data, (number % 2 != 0) ? 0xA7 : 0x18, each->bytes);
        if (i > 0U && i <= m->inputs && mcuq_io_read(each->data, each->bytes) != each->bytes) {
            return 11;
        }
    }
    if (is_traced) {
        allow_step(m, 0U);
    }
    const int status = m->run();
    allow_all(m);
    if (status != 0) {
        return 20 + status;
    }
    for (unsigned i = 0; i < 1U + m->inputs + m->outputs; i++) {
        if (!are_guards_intact(&m->spans[i])) {
            return 30;
        }
    }
    if (m->state.whole != NULL && !are_guards_intact(&m->state)) {
        return 31;
    }
    for (unsigned i = 1U; i < 1U + m->inputs + m->outputs; i++) {
        /* The inputs too: the model must not have written them. */
        (void)mcuq_io_write(m->spans[i].data, m->spans[i].bytes);
    }
    return 0;
}

static inline int run_samples(const model *m, int is_traced)
{
    int32_t samples = 0;
    if (mcuq_io_read(&samples, sizeof samples) != sizeof samples) {
        return 10;
    }
    if (m->state.whole != NULL) {
        (void)memset(m->state.whole, GUARD, m->state.whole_bytes);
        (void)memset(m->state.data, 0xA7, m->state.bytes);
    }
    /* Samples follow each other in time. */
    if (m->begin() != 0) {
        return 12;
    }
    for (int number = 0; number < samples; number++) {
        const int status = run_sample(m, number, is_traced);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}
