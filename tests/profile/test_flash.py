"""Flash is that of a minimal application, by part, and agrees with the linker's own map."""

import re
from collections import Counter
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcuq.codegen.manifest import weights_bytes
from mcuq.codegen.model_view import model_view
from mcuq.profile.flash import measure_flash
from mcuq.targets import load_target
from tests.profile.helpers import build, need, profiled_image

DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"
# An input section that was kept: address, size and file, with its name before them or on the line above.
_PIECE = re.compile(r"^ (?:\.\S+)?\s+0x(\w+)\s+0x(\w+) (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    known = {}

    def measure(target, kind="gcc"):
        need(load_target(target).core, kind)
        if (target, kind) not in known:
            folder = tmp_path_factory.mktemp("flash")
            firmware = build(DIGITS, target, folder)
            image = profiled_image(firmware, kind, "-O2", folder / "image")
            model, weights = model_view(firmware.plan, "net", ()), weights_bytes(firmware.plan)
            found = measure_flash(image, model, firmware.directory / "include", weights, "-O2")
            known[target, kind] = found, firmware, image
        return known[target, kind]

    return measure


@pytest.mark.parametrize(
    ("target", "kind"),
    [("cortex-m4", "gcc"), ("cortex-m4", "zig"), ("cortex-m0plus", "gcc"), ("rv32imc", "gcc")],
)
def test_parts_are_the_whole_application_but_its_own_code(measured, target, kind):
    flash, firmware, image = measured(target, kind)
    path = image.path.parent / "minimal/application.elf"
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        sections = [each for each in elf.iter_sections() if each["sh_flags"] & 2]
        loaded = sum(each["sh_size"] for each in sections if each["sh_type"] == "SHT_PROGBITS")
        names = {each.name: each["st_size"] for each in elf.get_section_by_name(".symtab").iter_symbols()}
    assert 0 <= loaded - flash.total - names["mcuq_reset"] < 40  # literals and padding of the application
    assert not [name for name in names if "semihosting" in name or "profile" in name]
    assert flash.weights == weights_bytes(firmware.plan)
    # Structs that the compiler has put into the code are gone; what aligns constants counts with the others.
    kept = sum(size for name, size in names.items() if name.startswith("net_p"))
    assert 0 < kept <= flash.parameters < kept + 48


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "rv32imc"])
def test_parts_agree_with_the_map_of_the_linker(measured, target):
    flash, _, image = measured(target)
    folder = image.path.parent
    objects = [next(folder.glob(f"*_{name}.o")) for name in ("net", "net_weights")]
    objects += [next((folder / "support").glob("*_memory.o")), next((folder / "minimal").glob("*.o"))]
    page = folder / "page.map"
    image.toolchain.link(
        objects, folder / "again.elf", script=image.path.with_suffix(".ld"), extra_flags=[f"-Wl,-Map={page}"]
    )
    sizes = Counter()
    text = page.read_text().split("Linker script and memory map")[1]
    for section in (".text", ".rodata"):
        body = re.search(rf"^{re.escape(section)}\s.*?(?=^\.\w)", text, re.MULTILINE | re.DOTALL)[0]
        for _, size, path in _PIECE.findall(body):
            sizes["libgcc" if "libgcc" in path else Path(path).stem.split("_", 1)[1]] += int(size, 16)
    assert sizes["net"] == pytest.approx(flash.code + flash.parameters, abs=24)
    assert sizes["net_weights"] == pytest.approx(flash.weights, abs=24)
    assert sizes["libgcc"] == pytest.approx(flash.library, abs=8)
    assert sizes["memory"] == pytest.approx(flash.memory_functions, abs=8)


def test_core_without_long_products_needs_the_library(measured):
    assert measured("cortex-m0plus")[0].library > 100
    assert measured("cortex-m4")[0].library == 0
