"""The float helpers of the generated header give exactly the simulator's codes and values."""

import dataclasses

import numpy as np
import pytest

from mcuq.ir.integer import dequantize_array, quantize_array
from mcuq.ops.unary import ClipStep
from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.builders import ProgramBuilder, portable_calls, quant, stacked_plan, write_firmware
from tests.tools import require, require_compiler

SCALES = (
    *(1.0, 0.5, 1 / 255, 0.1, 1 / 3, 0.0078125, 3.1415927, 255.0, 1e-30, 1e30),
    *(2.0**-126, 2.0**-100, 2.0**100, 3.4e38 / 255, 1.1754944e-38, 0.9999999, 7e-5),
)
ZERO_POINTS = (0, -128, 127, 5, -77)

MAIN = """
#include "mcuq_harness_io.h"
#include "net_quantize.h"

#define BATCH 64
#define PORTS %d

static float reals[BATCH];
static int8_t codes[BATCH][PORTS];
static float values[PORTS];

int main(void)
{
    size_t bytes;
    while ((bytes = mcuq_io_read(reals, sizeof reals)) != 0) {
        for (size_t i = 0; i < bytes / sizeof reals[0]; i++) {
%s
        }
        (void)mcuq_io_write(codes, bytes / sizeof reals[0] * PORTS);
    }
    for (int code = -128; code < 128; code++) {
%s
        (void)mcuq_io_write(values, sizeof values);
    }
    return 0;
}
"""


def firmware_with_ports(folder, target):
    """One input and output of every scale, with zero points in turn."""
    builder = ProgramBuilder()
    for number, scale in enumerate(SCALES):
        source = builder.input((1,), quant(scale, ZERO_POINTS[number % len(ZERO_POINTS)]))
        output = builder.step(ClipStep(-128, 127), source)
        params = builder.tensors[source].quant
        builder.tensors[output] = dataclasses.replace(builder.tensors[output], quant=params)
        builder.output(output)
    program = builder.program()
    plan = stacked_plan(program, portable_calls(program), target)
    write_firmware(folder, plan)
    ports = range(len(SCALES))
    quantize = [f"            codes[i][{port}] = net_quantize_in{port}(reals[i]);" for port in ports]
    dequantize = [f"        values[{port}] = net_dequantize_out{port}((int8_t)code);" for port in ports]
    (folder / "main.c").write_text(MAIN % (len(ports), "\n".join(quantize), "\n".join(dequantize)))
    return [program.tensors[port.tensor].quant for port in program.inputs]


def values():
    """Ties and their neighbours for every scale, random bit patterns, huge, subnormal and infinite ones."""
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 2**32, 4000, dtype=np.uint32).view(np.float32)]
    halves = np.arange(-260, 260, dtype=np.float32) + np.float32(0.5)
    for scale in SCALES:
        with np.errstate(over="ignore", under="ignore"):
            ties = (halves * np.float32(scale)).astype(np.float32)
        parts += [ties, np.nextafter(ties, np.float32(np.inf)), np.nextafter(ties, np.float32(-np.inf))]
    tiny = np.array(
        [0.0, -0.0, 1e-45, -1e-45, 1e-40, 3.4028235e38, -3.4028235e38, np.inf, -np.inf], np.float32
    )
    everything = np.concatenate([*parts, tiny])
    return everything[~np.isnan(everything)]


@pytest.mark.parametrize(
    ("target", "kind", "opt"),
    [
        ("host", "gcc", "-O0"),
        ("host", "gcc", "-O3"),
        ("host", "zig", "-O2"),
        ("cortex-m4", "gcc", "-O2"),
        ("cortex-m0plus", "gcc", "-Os"),
    ],
)
def test_helpers_give_the_simulators_codes_and_values(tmp_path, target, kind, opt):
    core = load_target(target).core
    require_compiler(core, kind)
    if not core.is_host:
        require("unicorn")
    params = firmware_with_ports(tmp_path, target)
    image = build_image(
        core,
        find_toolchain(core, kind),
        [tmp_path / "main.c", tmp_path / "src/net.c", tmp_path / "src/net_weights.c"],
        workdir=tmp_path / "build",
        include_dirs=[tmp_path / "include", tmp_path / "src"],
        opt=opt,
        warnings=True,
    )
    real = values()[:: 1 if core.is_host else 7]
    run = run_image(image, real.tobytes(), "host" if core.is_host else "unicorn")
    assert run.exit_code == 0
    size = real.size * len(params)
    codes = np.frombuffer(run.output[:size], np.int8).reshape(-1, len(params))
    reals = np.frombuffer(run.output[size:], np.float32).reshape(-1, len(params))
    every = np.arange(-128, 128).astype(np.int8)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for column, quantization in enumerate(params):
            scale, zero_point = quantization.step, quantization.zero_point
            np.testing.assert_array_equal(
                quantize_array(real, scale, zero_point), codes[:, column], str(scale)
            )
            expected = dequantize_array(every, scale, zero_point)
            np.testing.assert_array_equal(
                expected.view(np.uint32), reals[:, column].view(np.uint32), str(scale)
            )


def test_not_a_number_becomes_a_code(tmp_path):
    require("cc")
    core = load_target("host").core
    params = firmware_with_ports(tmp_path, "host")
    image = build_image(
        core,
        find_toolchain(core),
        [tmp_path / "main.c", tmp_path / "src/net.c", tmp_path / "src/net_weights.c"],
        workdir=tmp_path / "build",
        include_dirs=[tmp_path / "include", tmp_path / "src"],
        sanitize=("undefined",),
    )
    run = run_image(image, np.array([np.nan], np.float32).tobytes(), "host")
    assert run.output[: len(params)] == bytes([0x80]) * len(params)
