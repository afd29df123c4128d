/*
 * A plugin for QEMU that counts the instructions of an emulated program, layer by layer.
 *
 * Compiled for the host as a shared library and named to QEMU with -plugin. Three addresses steer it as they do
 * block_counter.c: `start` begins to count, `mark` begins the next layer, `stop` ends and writes the counts. They
 * are functions, so that each begins a block.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
/* QEMU resolves these when it loads the plugin. */
#define FROM_QEMU extern __attribute__((weak))
#define MAX_LAYERS 65536u

/* What is used here of QEMU's plugin interface, the same in all its versions.
 * Source: QEMU documentation, "QEMU TCG Plugins", API. */
#ifndef MCUQ_PLUGIN_VERSION
#define MCUQ_PLUGIN_VERSION 1
#endif
EXPORT int qemu_plugin_version = MCUQ_PLUGIN_VERSION;

typedef uint64_t plugin_id;
typedef void (*on_translation)(plugin_id id, void *block);
typedef void (*on_execution)(unsigned int cpu, void *data);
FROM_QEMU void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_translation call);
FROM_QEMU void qemu_plugin_register_vcpu_tb_exec_cb(void *block, on_execution call, int flags, void *data);
FROM_QEMU size_t qemu_plugin_tb_n_insns(const void *block);
FROM_QEMU uint64_t qemu_plugin_tb_vaddr(const void *block);

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

typedef struct {
    uint64_t address;
    uint64_t instructions;
} translated;

static uint64_t start, mark, stop;
static char *path;
static uint64_t layers = 1, layer;
static int is_counting;
static uint64_t counts[MAX_LAYERS];

static void write_counts(void)
{
    FILE *const file = fopen(path, "wb");
    if (file != NULL) {
        (void)fwrite(counts, sizeof counts[0], (size_t)layers, file);
        (void)fclose(file);
    }
}

static void count(unsigned int cpu, void *data)
{
    const translated *const block = data;
    (void)cpu;
    if (block->address == start) {
        is_counting = 1;
    } else if (is_counting == 0) {
        return;
    } else if (block->address == stop) {
        is_counting = 0;
        write_counts();
    } else if (block->address == mark) {
        layer += (layer + 1u < layers) ? 1u : 0u;
    } else {
        counts[layer] += block->instructions;
    }
}

static void translate(plugin_id id, void *block)
{
    translated *const known = malloc(sizeof *known); /* QEMU may run the block until it ends */
    (void)id;
    if (known == NULL) {
        abort();
    }
    known->address = qemu_plugin_tb_vaddr(block);
    known->instructions = qemu_plugin_tb_n_insns(block);
    qemu_plugin_register_vcpu_tb_exec_cb(block, count, 0, known);
}

/* The value of an argument "name=value", NULL for another name. */
static const char *value_of(const char *argument, const char *name)
{
    const size_t length = strlen(name);
    return ((strncmp(argument, name, length) == 0) && (argument[length] == '=')) ? &argument[length + 1u] : NULL;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    static const char *const names[] = {"start", "mark", "stop", "layers"};
    uint64_t *const places[] = {&start, &mark, &stop, &layers};
    (void)info;
    for (int i = 0; i < argc; i++) {
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            const char *const number = value_of(argv[i], names[j]);
            *places[j] = (number == NULL) ? *places[j] : strtoull(number, NULL, 0);
        }
        const char *const text = value_of(argv[i], "path");
        if (text != NULL) {
            path = strcpy(malloc(strlen(text) + 1u), text);
        }
    }
    if ((path == NULL) || (layers == 0u) || (layers > MAX_LAYERS)) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}
