"""Building what a profile builds, to look at its parts."""

import mcuq
from mcuq.codegen.model_view import model_view
from mcuq.profile.layers import count_layers
from mcuq.profile.profile import build_profiled, claimed_stack
from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require, require_compiler, require_machine


def need(core, kind="gcc"):
    """Go on only where a core can be profiled."""
    require("pyelftools")
    require("capstone")
    require_compiler(core, kind)
    require_machine(core, "unicorn" if core.arch == "arm" and core.unicorn_cpu else "qemu")


def build(source, target, folder):
    """A firmware directory, opened."""
    mcuq.build(source, target, output=folder / target, name="net", verify="none")
    return mcuq.open_firmware(folder / target)


def profiled_image(firmware, kind, opt, folder):
    """The program that a profile runs, without marks."""
    toolchain = find_toolchain(load_target(firmware.plan.target).core, kind)
    folder.mkdir(parents=True)
    model = model_view(firmware.plan, firmware.name, ())
    return build_profiled(firmware.directory, model, toolchain, folder, is_traced=False, opt=opt)


def stacks(firmware, kind, opt, folder):
    """Bytes of stack: as claimed from the code, and as painted by a run."""
    image = profiled_image(firmware, kind, opt, folder)
    ports = firmware.plan.program.inputs
    stdin = bytes(sum(firmware.plan.program.tensors[port.tensor].size_bytes for port in ports))
    run = count_layers(image, stdin, 1, None, folder / "counter")
    return claimed_stack(image, firmware.name), int.from_bytes(run.output, "little")
