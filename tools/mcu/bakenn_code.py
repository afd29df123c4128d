"""The code that the package bakenn generates for the same integers, measured like ours.

A program becomes a TensorFlow Lite file, bakenn compiles that, and its output has to be the simulator's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from mcu.bakenn_network import importable, network_file
from mcu.cmsis_nn import write_math_header
from mcuq.codegen.selftest import selftest_inputs
from mcuq.ir.program import Program
from mcuq.profile.cycles import load_cycle_model
from mcuq.profile.layers import count_layers
from mcuq.simulator.simulate import simulate_program
from mcuq.targets import load_target
from mcuq.verify.image import Image, build_image
from mcuq.verify.machines.elf import read_elf
from mcuq.verify.toolchain import find_toolchain

HARNESS = """#include "mcuq_harness_io.h"
#include "bknn_@.h"

static uint8_t arena[BKNN_%_ARENA_SIZE + 16] __attribute__((aligned(16)));
static int8_t x[BKNN_%_INPUT_SIZE];
static int8_t y[BKNN_%_OUTPUT_SIZE];

void mcuq_profile_start(void);
void mcuq_profile_stop(void);

__attribute__((noinline)) void mcuq_profile_start(void) { __asm__ volatile("nop"); }
__attribute__((noinline)) void mcuq_profile_stop(void) { __asm__ volatile("nop\\n nop"); }

int main(void)
{
    if (mcuq_io_read(x, sizeof x) != sizeof x) {
        return 11;
    }
    mcuq_profile_start();
    bknn_@_infer(arena, x, y);
    mcuq_profile_stop();
    (void)mcuq_io_write(y, sizeof y);
    return 0;
}
"""


@dataclasses.dataclass(frozen=True)
class BakennResult:
    """What bakenn's code costs.

    Args:
        kernels: which kernels it was told to prefer.
        cycles: of one run; None where it did not take the network.
        code_bytes: of its functions.
        constant_bytes: of its arrays.
        arena_bytes: of its work memory.
        note: what is special, or why there is nothing.
    """

    kernels: str
    cycles: int | None
    code_bytes: int
    constant_bytes: int
    arena_bytes: int
    note: str


def measure_bakenn(program: Program, name: str, folder: Path) -> Iterator[BakennResult]:
    """The generated code with kernels in plain C, with those for the core, and with CMSIS-NN's."""
    try:
        import bakenn
        import tflite  # noqa: F401 - the importer's schema
    except ImportError as error:
        yield BakennResult("any", None, 0, 0, 0, f"not installed: {error}")
        return
    whole, program = program, importable(program)
    note = "" if len(whole.steps) == len(program.steps) else "without the softmax, which its importer lacks"
    for kernels, policy, with_cmsis_nn in (
        ("portable", bakenn.KernelPolicy.PORTABLE, False),
        ("its own for Cortex-M4", bakenn.KernelPolicy.STATIC_PRIORITY, False),
        ("CMSIS-NN", bakenn.KernelPolicy.STATIC_PRIORITY, True),
    ):
        options = bakenn.CBackendOptions(kernel_policy=policy, enable_cmsis_nn=with_cmsis_nn)
        output = folder / f"{name}-{kernels.split()[0]}"
        try:
            model = bakenn.compile_tflite(
                network_file(program), output, name=name, backend_options=options, target="cortex-m4"
            )
        except bakenn.BakeNNError as error:
            yield BakennResult(kernels, None, 0, 0, 0, f"refused: {error}")
            continue
        image = _build(name, output)
        cycles, code = _cycles(image, program, output), _code_bytes(image)
        memory = model.memory_report
        constants = memory.emitted_constant_payload_bytes
        yield BakennResult(kernels, cycles, code, constants, memory.arena_bytes, note)


def _build(name: str, generated: Path) -> Image:
    """The generated code with a harness, by our compiler with our options."""
    core = load_target("cortex-m4").core
    harness = generated / "harness.c"
    harness.write_text(HARNESS.replace("@", name).replace("%", name.upper()), "utf-8")
    return build_image(
        core,
        find_toolchain(core),
        sorted(generated.rglob("*.c")),
        workdir=generated / "build",
        include_dirs=[
            *sorted({path.parent for path in generated.rglob("*.h")}),
            write_math_header(generated),
        ],
        extra_flags=["-std=gnu11"],
    )


def _cycles(image: Image, program: Program, folder: Path) -> int:
    """Of one run, whose output has to be the simulator's."""
    inputs = selftest_inputs(program, 1)
    (expected,) = simulate_program(program, [x[None] for x in inputs])
    stdin = b"".join(x.tobytes() for x in inputs)
    counted = count_layers(image, stdin, 1, load_cycle_model(image.core.name), folder / "counter")
    assert counted.output == expected.tobytes(), f"bakenn's code for {folder.name} computes something else"
    ((_, cycles),) = counted.layers
    return cycles


def _code_bytes(image: Image) -> int:
    """Of all functions but those of the harness."""
    own = ("mcuq_", "main", "mem")
    return sum(each.bytes for each in read_elf(image.path).functions if not each.name.startswith(own))
