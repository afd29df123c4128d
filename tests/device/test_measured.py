"""`mcuq profile --measured`: cycles of a device beside the model's."""

import re

import pytest

from mcuq.device.compare import expect
from mcuq.pipeline.firmware import open_firmware
from tests.cli.runner import refused, run
from tests.tools import require

CYCLES = (43_000, 35_100, 38_900, 12_600, 126_500, 3_400, 1_400, 330)


@pytest.fixture
def log(firmware, monkeypatch):
    """A log of the digits firmware as a board would print it."""
    monkeypatch.chdir(firmware.parent)
    expected = expect(open_firmware(firmware).plan)
    lines = [f"mcuq-begin digits {expected.build} 2 8"]
    for vector, checksums in enumerate(expected.checksums):
        for layer, (checksum, name) in enumerate(zip(checksums, expected.names, strict=True)):
            lines.append(f"mcuq-layer {vector} {layer} found {checksum} expected {checksum} {name}")
    lines.append("mcuq-timer dwt")
    for layer, (cycles, name) in enumerate(zip(CYCLES, expected.names, strict=True)):
        lines.append(f"mcuq-cycles {layer} {cycles} {name}")
    path = firmware.parent / "log.txt"
    path.write_text("\n".join([*lines, "mcuq-end 0\n"]))
    return path


def test_measured_cycles_stand_beside_the_models(log):
    require("arm-none-eabi-gcc")
    require("unicorn")
    document = run("profile", "digits_mcuq", "--measured", "log.txt", "--json").json
    assert document["measured"] == {"timer": "dwt", "cycles": sum(CYCLES), "layers": list(CYCLES)}
    done = run("profile", "digits_mcuq", "--measured", "log.txt", "--board", "nucleo-l4r5zi")
    assert done.code == 0, done.err
    for cycles, layer in zip(CYCLES, document["layers"], strict=True):
        assert re.search(rf" {re.escape(layer['name'][:8])}.* {cycles:,} +\d+\.\d%", done.out), layer["name"]
    assert f"measured: {sum(CYCLES):,} cycles (dwt), " in done.out
    assert "ms at 120 MHz" in done.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("mcuq-timer dwt", "mcuq-timer emulator", "ticks are those of an emulator"),
        ("mcuq-cycles 3 ", "mcuq-cycle 3 ", "no cycles of 1 of 8 layers, first 'residual/add'"),
        ("mcuq-begin digits ", "mcuq-begin digits 0123456789abcdef 2 8\nmcuq-other", "another build"),
        ("mcuq-begin digits ", "mcuq-begun digits ", "no line 'mcuq-begin"),
    ],
)
def test_measured_refuses_logs_that_say_nothing_of_this_build(log, old, new, why):
    log.write_text(log.read_text().replace(old, new))
    assert why in refused(run("profile", "digits_mcuq", "--measured", "log.txt"), 2, "O022")


def test_measured_refuses_a_missing_log(log):
    refused(run("profile", "digits_mcuq", "--measured", "nothing.txt"), 2, "O012")
