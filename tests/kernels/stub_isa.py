"""An instruction set that mcuq does not have, put where one is found: a package and a folder of C."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import mcuq.kernels
from mcuq import resources
from mcuq.kernels.registry import isa_variants
from mcuq.resources import targets_dir, templates_dir

ISA, KERNEL = "stub", "mcuq_clip_s8_stub"
CORE, CORE_WITHOUT = "stub-core", "stub-core-without"  # the latter lacks what the kernel needs

_MODULE = f'''
from mcuq.kernels.portable.unary import PortableClip

class StubClip(PortableClip):
    """One clip, the same in every bit."""

    kernel = "{KERNEL}"
    needs = ("mve",)
    channel_multiple = 3

    def terms(self):
        return {{"elements": self.shapes.output[-1], "calls": 1}}

VARIANTS = (StubClip,)
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it beside mcuq's own, with two cores, and return its folder of C; undone by `uninstall`."""
    sources, templates = targets_dir(), templates_dir()
    data = folder / "package" / "_data"
    data.mkdir(parents=True)
    (data / "templates").symlink_to(templates)
    targets = Path(shutil.copytree(sources, data / "targets"))
    kernels = targets / ISA / "kernels"
    kernels.mkdir(parents=True)
    text = (targets / "portable" / "kernels" / "mcuq_clip_s8.h").read_text("utf-8")
    text = text.replace("mcuq_clip_s8", KERNEL).replace("MCUQ_CLIP_S8", KERNEL.upper())
    (kernels / f"{KERNEL}.h").write_text(text, "utf-8")
    # A core that Unicorn does not have, and one that has no vector instructions.
    for name, like in ((CORE, "cortex-m55"), (CORE_WITHOUT, "cortex-m4")):
        core = (targets / "cores" / f"{like}.toml").read_text("utf-8")
        core = re.sub(r"^isa = .*$", f'isa = ["{ISA}", "portable"]', core, flags=re.MULTILINE)
        assert ISA in core
        (targets / "cores" / f"{name}.toml").write_text(core, "utf-8")
    package = folder / "kernels" / ISA
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", "utf-8")
    (package / "unary.py").write_text(_MODULE, "utf-8")
    monkeypatch.setattr(mcuq.kernels, "__path__", [*mcuq.kernels.__path__, str(folder / "kernels")])
    monkeypatch.setattr(resources, "_PACKAGE", folder / "package")
    return kernels


def uninstall() -> None:
    """Forget what was loaded of it."""
    isa_variants.cache_clear()
    for name in [name for name in sys.modules if name.startswith(f"mcuq.kernels.{ISA}")]:
        del sys.modules[name]
    vars(mcuq.kernels).pop(ISA, None)
