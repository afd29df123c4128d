/*
 * Cycles of a program whose code and constants lie in a flash that is slower than the core.
 *
 * Compiled for the host as a shared library; the emulator calls flash_on_instruction before each instruction
 * and flash_on_load for each access that reads. Several memories are modelled side by side, each with its own
 * clock: a flash with wait states that delivers so many bytes a read, one read at a time; a cache for code and
 * one for data, of which lines only what was read is there, the least recently used line of a set going first;
 * and on request a prefetch, which after each miss of the code's cache asks for the next read.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST_LINES 4096u
#define MOST_MEMORIES 8u
#define NOTHING UINT64_MAX
/* A fetch in sequence is asked for so many cycles before the core wants it: its queue holds two more words. */
#define CYCLES_AHEAD 2u
#define IT_BYTES 16u /* four instructions */

typedef struct {
    uint64_t line[MOST_LINES];   /* by sets, in each the most recently used first; NOTHING where empty */
    uint32_t filled[MOST_LINES]; /* a bit for each read of the line */
    uint32_t lines;              /* 0: there is no cache */
    uint32_t line_bytes;
    uint32_t ways;
} cache;

typedef struct {
    uint64_t clock;     /* cycles so far */
    uint64_t free_at;   /* when the flash can begin the next read */
    uint64_t ahead;     /* the read that the prefetch asked for, NOTHING if none */
    uint64_t ahead_at;  /* when it is there */
    uint32_t wait_states;
    uint32_t read_bytes;
    uint32_t has_prefetch;
    cache code;
    cache data;
} memory;

typedef struct {
    uint8_t alone;   /* cycles behind a branch, 0 where it never came so */
    uint8_t follows; /* cycles behind the instruction before it, 0 where it never came so */
    uint8_t refill;  /* on top when it is a taken branch */
    uint8_t is_jump; /* whether it always is one, also to the address behind it */
} flash_instruction;

typedef struct {
    uint32_t wait_states;
    uint32_t read_bytes;
    uint32_t has_prefetch;
    uint32_t code_lines; /* 0 without a cache, as below */
    uint32_t code_line_bytes;
    uint32_t code_ways;
    uint32_t data_lines;
    uint32_t data_line_bytes;
    uint32_t data_ways;
} flash_mode;

typedef struct {
    uint64_t base;      /* first address of the code */
    uint64_t halfwords; /* its length */
    uint64_t flash_begin;
    uint64_t flash_end;
    uint64_t constants_begin; /* more data that lies in the modelled flash */
    uint64_t constants_end;
    uint64_t start;     /* addresses: begin to count, the next layer, the end */
    uint64_t mark;
    uint64_t stop;
    uint64_t layers;    /* room in the array */
    uint64_t memories;
    const flash_instruction *instructions;            /* [halfwords] */
    uint64_t *cycles;                                  /* [memories + 1][layers], first without any memory */
    flash_mode modes[MOST_MEMORIES];
    /* From here on the model's own. */
    memory memory[MOST_MEMORIES];
    uint64_t settled[MOST_MEMORIES]; /* clocks that are in `cycles` already */
    uint64_t layer;
    uint64_t next;      /* the address behind the last instruction, NOTHING before the first */
    uint64_t word;      /* the last word of code that was fetched */
    uint32_t refill;    /* of the last instruction */
    uint32_t is_jump;   /* likewise */
    uint32_t wide;      /* how many 32-bit instructions at odd halfwords came in sequence */
    uint32_t is_counting;
    uint32_t is_mark;   /* inside a function that steers the counter */
} flash_model;

size_t flash_model_bytes(void);
void flash_begin(flash_model *model);
void flash_on_instruction(void *uc, uint64_t address, uint32_t size, void *user);
void flash_on_load(void *uc, int type, uint64_t address, int size, int64_t value, void *user);

size_t flash_model_bytes(void)
{
    return sizeof(flash_model);
}

static void empty(cache *c, uint32_t lines, uint32_t line_bytes, uint32_t ways)
{
    c->lines = lines;
    c->line_bytes = line_bytes;
    c->ways = ways;
    for (uint32_t i = 0; i < MOST_LINES; i++) {
        c->line[i] = NOTHING;
        c->filled[i] = 0;
    }
}

void flash_begin(flash_model *model)
{
    for (uint64_t i = 0; i < model->memories; i++) {
        memory *const m = &model->memory[i];
        const flash_mode *const mode = &model->modes[i];
        memset(m, 0, sizeof(*m));
        m->ahead = NOTHING;
        m->wait_states = mode->wait_states;
        m->read_bytes = mode->read_bytes;
        m->has_prefetch = mode->has_prefetch;
        empty(&m->code, mode->code_lines, mode->code_line_bytes, mode->code_ways);
        empty(&m->data, mode->data_lines, mode->data_line_bytes, mode->data_ways);
    }
    memset(model->settled, 0, sizeof(model->settled));
    model->next = NOTHING;
    model->word = NOTHING;
}

/* Whether a cache holds a read; afterwards it does, if asked to keep it. */
static int holds(cache *c, uint64_t address, uint32_t read_bytes, int is_kept)
{
    if (c->lines == 0) {
        return 0;
    }
    const uint64_t line = address / c->line_bytes;
    const uint32_t part = UINT32_C(1) << ((address % c->line_bytes) / read_bytes);
    const uint32_t set = (uint32_t)(line % (c->lines / c->ways)) * c->ways;
    uint64_t *const lines = &c->line[set];
    uint32_t *const parts = &c->filled[set];
    uint32_t place = 0;
    while ((place < c->ways) && (lines[place] != line)) {
        place++;
    }
    const uint32_t filled = (place < c->ways) ? parts[place] : 0;
    if (is_kept) {
        const uint32_t last = (place < c->ways) ? place : c->ways - 1;
        memmove(&lines[1], &lines[0], last * sizeof(lines[0]));
        memmove(&parts[1], &parts[0], last * sizeof(parts[0]));
        lines[0] = line;
        parts[0] = filled | part;
    }
    return (filled & part) != 0;
}

/* A read that was asked for at some time: when it is there. */
static uint64_t read_at(memory *m, uint64_t asked)
{
    const uint64_t begin = (asked > m->free_at) ? asked : m->free_at;
    m->free_at = begin + m->wait_states;
    return m->free_at;
}

static void fetch(memory *m, uint64_t address, int is_sequential)
{
    if (holds(&m->code, address, m->read_bytes, 1)) {
        return;
    }
    const uint64_t read = address / m->read_bytes;
    const uint64_t lead = (is_sequential && (m->clock > CYCLES_AHEAD)) ? CYCLES_AHEAD : 0;
    uint64_t ready = m->ahead_at;
    if (m->ahead != read) {
        ready = read_at(m, m->clock - lead);
    }
    if (ready > m->clock) {
        m->clock = ready;
    }
    if (m->has_prefetch && !holds(&m->code, (read + 1) * m->read_bytes, m->read_bytes, 0)) {
        m->ahead = read + 1;
        m->ahead_at = read_at(m, ready) + 1;
        m->free_at = m->ahead_at;
    }
}

/* The words of an instruction that were not fetched with the one before. */
static void fetch_instruction(flash_model *model, uint64_t address, uint32_t size, int is_sequential)
{
    for (uint64_t word = address / 4; word <= (address + size - 1) / 4; word++) {
        if (is_sequential && (word == model->word)) {
            continue;
        }
        model->word = word;
        for (uint64_t i = 0; i < model->memories; i++) {
            if (model->memory[i].wait_states != 0) {
                fetch(&model->memory[i], word * 4, is_sequential);
            }
        }
    }
}

/* Cycles of the core itself, which every memory sees. */
static void spend(flash_model *model, uint32_t cycles)
{
    model->cycles[model->layer] += cycles;
    for (uint64_t i = 0; i < model->memories; i++) {
        model->memory[i].clock += cycles;
    }
}

/* Cycles that each memory has spent since it was looked at last. */
static void settle(flash_model *model)
{
    for (uint64_t i = 0; i < model->memories; i++) {
        model->cycles[((i + 1) * model->layers) + model->layer] += model->memory[i].clock - model->settled[i];
        model->settled[i] = model->memory[i].clock;
    }
}

/* A 32-bit instruction at an odd halfword costs a cycle as a branch's target, and as the third in sequence. */
static void misplace(flash_model *model, uint64_t address, uint32_t size, int is_sequential)
{
    const int is_wide = (size == 4) && ((address % 4) != 0);
    const uint32_t run = is_sequential ? model->wide : 0;
    model->wide = is_wide ? run + 1 : 0;
    if ((is_wide && !is_sequential) || (model->wide == 3)) {
        for (uint64_t i = 0; i < model->memories; i++) {
            model->memory[i].clock++;
        }
    }
}

/* Whether an address steers the counter. */
static int steers(flash_model *model, uint64_t address)
{
    if (address == model->start) {
        model->is_counting = 1;
        model->layer = 0;
    } else if (address == model->stop) {
        model->is_counting = 0;
    } else if ((address == model->mark) && (model->is_counting != 0)) {
        model->layer += (model->layer + 1 < model->layers) ? 1 : 0;
    } else {
        return 0;
    }
    return 1;
}

/* The emulator leaves out the instructions of an IT block whose condition does not hold; a core takes time. */
static void step_over(flash_model *model, uint64_t address)
{
    if ((model->is_counting == 0) || (model->is_mark != 0) || (model->refill != 0) || (address <= model->next)
        || (address - model->next > IT_BYTES)) {
        return;
    }
    for (uint64_t at = model->next; at < address; at += 2) {
        spend(model, model->instructions[(at - model->base) / 2].follows);
    }
    model->next = address;
}

void flash_on_instruction(void *uc, uint64_t address, uint32_t size, void *user)
{
    flash_model *const model = (flash_model *)user;
    (void)uc;
    step_over(model, address);
    const int is_sequential = (address == model->next) && (model->is_jump == 0);
    if (!is_sequential) {
        model->is_mark = 0;
        spend(model, model->refill);
        settle(model);
    }
    model->refill = 0;
    model->is_jump = 0;
    model->next = address + size;
    model->is_mark |= (uint32_t)steers(model, address);
    const uint64_t index = (address - model->base) / 2;
    if ((model->is_counting == 0) || (model->is_mark != 0) || (index >= model->halfwords)) {
        return;
    }
    const flash_instruction *const it = &model->instructions[index];
    const int is_behind = (is_sequential && (it->follows != 0)) || (it->alone == 0);
    model->refill = it->refill;
    model->is_jump = it->is_jump;
    fetch_instruction(model, address, size, is_sequential);
    spend(model, is_behind ? it->follows : it->alone);
    misplace(model, address, size, is_sequential);
    settle(model);
}

static int is_in_flash(const flash_model *model, uint64_t address)
{
    return ((address >= model->flash_begin) && (address < model->flash_end))
           || ((address >= model->constants_begin) && (address < model->constants_end));
}

void flash_on_load(void *uc, int type, uint64_t address, int size, int64_t value, void *user)
{
    flash_model *const model = (flash_model *)user;
    (void)uc;
    (void)type;
    (void)value;
    if ((model->is_counting == 0) || (model->is_mark != 0)) {
        return;
    }
    const uint32_t over = (uint32_t)(address % (uint64_t)size);
    /* Bytes 1 and 3 of a word need three accesses, all else that is unaligned two. */
    const uint32_t split = (over == 0) ? 0 : ((size == 4) && ((over % 2) != 0)) ? 2 : 1;
    for (uint64_t i = 0; i < model->memories; i++) {
        memory *const m = &model->memory[i];
        m->clock += split;
        if ((m->wait_states != 0) && is_in_flash(model, address)
            && !holds(&m->data, address, m->read_bytes, 1)) {
            m->clock = read_at(m, m->clock);
        }
    }
    settle(model);
}
