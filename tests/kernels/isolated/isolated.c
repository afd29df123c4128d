/*
 * Runs kernels on a host, each in a process of its own, with buffers of exactly the size they may touch.
 *
 * Arguments: "poison" or "uninitialised" for scratch memory, seconds for each, then pairs of a program's number and a
 * file of cases. Prints a line for each pair: its status as of `outcome`, the case and the sample that it ended with.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolated.h"

#define MOST 16

extern const isolated_kernel *const isolated_programs[];

typedef enum { AGREES = 0, DIFFERS = 1, CHANGES_INPUT = 2, IS_BROKEN = 3 } outcome;

/* What the parent learns of a child that dies, too. */
static struct {
    int32_t at_case;
    int32_t sample;
} place;
static int report = -1;
static int is_poisoned = 1;

static void *checked(void *memory)
{
    if (memory == NULL) {
        _exit(IS_BROKEN);
    }
    return memory;
}

static void take(FILE *from, void *to, size_t bytes)
{
    if ((bytes > 0) && (fread(to, 1, bytes, from) != bytes)) {
        _exit(IS_BROKEN);
    }
}

static int32_t number(FILE *from)
{
    int32_t value;
    take(from, &value, sizeof value);
    return value;
}

static void *block(FILE *from, size_t bytes)
{
    void *const memory = checked(malloc(bytes));
    take(from, memory, bytes);
    return memory;
}

/* The parameter struct: integers, then arrays, which `arrays` keeps. */
static void *read_params(FILE *from, const isolated_kernel *kernel, void *arrays[MOST], int32_t *count)
{
    uint8_t *const params = checked(calloc(1, kernel->bytes));
    const int32_t integers = number(from);
    for (int32_t i = 0; i < integers; i++) {
        const int32_t value = number(from);
        (void)memcpy(&params[kernel->offsets[i]], &value, sizeof value);
    }
    *count = number(from);
    for (int32_t i = 0; i < *count; i++) {
        arrays[i] = block(from, (size_t)number(from));
        (void)memcpy(&params[kernel->offsets[integers + i]], &arrays[i], sizeof arrays[i]);
    }
    return params;
}

/* One call; x: copies of the inputs, which stay as they are. */
static outcome run_sample(const isolated_kernel *kernel, const void *params, void *const *x, const size_t *bytes,
                          int32_t inputs, const void *expected, size_t y_bytes, size_t scratch_bytes)
{
    void *const y = checked(malloc(y_bytes));
    int8_t *const scratch = (scratch_bytes > 0) ? checked(malloc(scratch_bytes)) : NULL;
    const int8_t *seen[MOST];
    (void)memset(y, 0x5A, y_bytes);
    if ((is_poisoned != 0) && (scratch_bytes > 0)) {
        (void)memset(scratch, ((place.sample % 2) == 0) ? 0xA7 : 0x18, scratch_bytes);
    }
    for (int32_t i = 0; i < inputs; i++) {
        int8_t *const copy = checked(malloc(bytes[i]));
        (void)memcpy(copy, x[i], bytes[i]);
        seen[i] = copy;
    }
    kernel->call(params, seen, y, scratch);
    outcome found = (memcmp(y, expected, y_bytes) == 0) ? AGREES : DIFFERS;
    for (int32_t i = 0; i < inputs; i++) {
        found = (memcmp(seen[i], x[i], bytes[i]) == 0) ? found : CHANGES_INPUT;
        free((void *)(size_t)seen[i]);
    }
    free(scratch);
    free(y);
    return found;
}

static outcome run_case(FILE *from, const isolated_kernel *kernels)
{
    const isolated_kernel *const kernel = &kernels[number(from)];
    void *arrays[MOST];
    void *x[MOST];
    size_t bytes[MOST];
    int32_t count = 0;
    void *const params = read_params(from, kernel, arrays, &count);
    const int32_t inputs = number(from);
    for (int32_t i = 0; i < inputs; i++) {
        bytes[i] = (size_t)number(from);
    }
    const size_t y_bytes = (size_t)number(from);
    const size_t scratch_bytes = (size_t)number(from);
    const int32_t samples = number(from);
    outcome found = AGREES;
    for (place.sample = 0; (place.sample < samples) && (found == AGREES); place.sample++) {
        (void)pwrite(report, &place, sizeof place, 0);
        for (int32_t i = 0; i < inputs; i++) {
            x[i] = block(from, bytes[i]);
        }
        void *const expected = block(from, y_bytes);
        found = run_sample(kernel, params, x, bytes, inputs, expected, y_bytes, scratch_bytes);
        for (int32_t i = 0; i < inputs; i++) {
            free(x[i]);
        }
        free(expected);
    }
    for (int32_t i = 0; i < count; i++) {
        free(arrays[i]);
    }
    free(params);
    return found;
}

static outcome run_file(const char *path, const isolated_kernel *kernels)
{
    FILE *const from = fopen(path, "rb");
    if (from == NULL) {
        return IS_BROKEN;
    }
    const int32_t cases = number(from);
    outcome found = AGREES;
    for (place.at_case = 0; (place.at_case < cases) && (found == AGREES); place.at_case++) {
        found = run_case(from, kernels);
    }
    (void)fclose(from);
    return found;
}

/* A child's status: its outcome, 100 and above for a signal. */
static int run_job(const char *path, const isolated_kernel *kernels, unsigned seconds)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        (void)alarm(seconds);
        _exit((int)run_file(path, kernels));
    }
    if ((child < 0) || (waitpid(child, &status, 0) != child)) {
        return IS_BROKEN;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : (100 + WTERMSIG(status));
}

int main(int argc, char **argv)
{
    FILE *const shared = tmpfile();
    if ((argc < 3) || (shared == NULL)) {
        return IS_BROKEN;
    }
    report = fileno(shared);
    is_poisoned = (strcmp(argv[1], "poison") == 0) ? 1 : 0;
    for (int i = 3; (i + 1) < argc; i += 2) {
        place.at_case = 0;
        place.sample = 0;
        (void)pwrite(report, &place, sizeof place, 0);
        const int status = run_job(argv[i + 1], isolated_programs[atoi(argv[i])], (unsigned)atoi(argv[2]));
        (void)pread(report, &place, sizeof place, 0);
        (void)printf("%d %d %d\n", status, (int)place.at_case, (int)place.sample);
        (void)fflush(stdout);
    }
    return 0;
}
