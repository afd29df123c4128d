"""Names from the model are data: whatever they hold, the C is clean and the same program."""

import json

import numpy as np
import pytest

from mcuq.ir.store import program_from_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.pipeline.build import build
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.lock import check_lock, write_lock
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.image import support_include_dirs
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.toolchain import find_toolchain
from tests.builders import random_codes
from tests.cli.runner import run
from tests.codegen.hostile import NAMES, hostile_model, unsafe
from tests.small_models import save
from tests.tools import require

ORDERS = {"as inputs first": NAMES, "as outputs first": NAMES[::-1]}
TEXTS = (".c", ".h", ".txt", ".md")


@pytest.fixture(scope="module", params=sorted(ORDERS))
def hostile(request, tmp_path_factory):
    """Firmware of a model whose names are all hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    names = ORDERS[request.param]
    model = save(hostile_model(names), folder)
    return build(model, "cortex-m4", output=folder / "out", name="net", verify="none"), names


def test_code_compiles_and_computes(hostile):
    require("cc")
    result, _ = hostile
    inputs = standard_inputs(result.plan.program, None, 2)
    report = verify_firmware(result.directory, result.plan, "net", inputs, "host")
    assert report.first_difference is None


def test_everything_that_is_emitted_compiles_without_a_warning(hostile, tmp_path):
    require("cc")
    result, _ = hostile
    core = load_target("host").core
    include = [result.directory / part for part in ("include", "src", "selftest")]
    sources = sorted(result.directory.rglob("*.c"))
    main = tmp_path / "use.c"
    main.write_text(
        '#include "net_quantize.h"\n#include "net_arena.h"\nint64_t *use(void);\n'
        "int64_t *use(void) { return net_arena; }\n"
    )
    find_toolchain(core).compile(
        [*sources, main],
        workdir=tmp_path,
        include_dirs=[*include, *support_include_dirs(core)],
        defines={"NET_TRACE": "1"},
        warnings=True,
    )


def test_raw_names_stand_in_no_text(hostile):
    result, names = hostile
    texts = {path: data for path, data in result.files.items() if path.endswith(TEXTS)}
    assert len(texts) > 12
    for name in filter(unsafe, names):
        for path, data in texts.items():
            assert name.encode() not in data, (path, name[:80])
    for path, data in texts.items():
        assert set(data) <= {*range(32, 127), 10}, f"{path} holds something else than printable ASCII"
        assert all(len(line) < 4000 for line in data.splitlines()), path


def test_raw_names_survive_as_data(hostile):
    result, names = hostile
    half = len(names) // 2
    manifest = json.loads(result.files["net.mcuq.json"])
    program = program_from_npz(result.files["net.mcuq.npz"], "net", STEP_OPS)
    for ports in (manifest["inputs"], [{"name": port.name} for port in program.inputs]):
        assert list(names[:half]) == [port["name"] for port in ports]
    for ports in (manifest["outputs"], [{"name": port.name} for port in program.outputs]):
        assert list(names[half : 2 * half]) == [port["name"] for port in ports]


def test_members_and_macros_are_different_identifiers(hostile):
    result, _ = hostile
    manifest = json.loads(result.files["net.mcuq.json"])
    members = [port["member"] for port in (*manifest["inputs"], *manifest["outputs"])]
    assert all(member.isidentifier() and member.isascii() for member in members)
    assert len(members) == len({member.lower() for member in members})
    steps = [step["parameters"] for step in manifest["steps"]]
    assert len(steps) == len(set(steps))


def test_commands_work_with_such_names(hostile, tmp_path):
    result, _ = hostile
    program = open_firmware(result.directory).plan.program
    rng = np.random.default_rng(0)
    arrays = {port.name: random_codes(rng, 2, 1, 1, 3, 3) for port in program.inputs}
    np.savez(tmp_path / "x.npz", **arrays)
    files = ("--inputs", tmp_path / "x.npz", "--output", tmp_path / "y.npz", "--all-layers")
    done = run("simulate", result.directory, *files)
    assert done.code == 0, done.err
    with np.load(tmp_path / "y.npz") as found:
        for port in program.outputs:
            assert found[f"codes/{port.name}"].shape == (2, 1, 2, 2, 1)
    lock = write_lock(result.directory, tmp_path / "net.lock")
    check_lock(lock)


def test_nul_in_names(tmp_path):
    names = ("nul \0 in", "nul \0 out")
    result = build(save(hostile_model(names), tmp_path), "host", output=tmp_path / "out", name="net")
    assert [port["name"] for port in json.loads(result.files["net.mcuq.json"])["inputs"]] == [names[0]]
    assert not any(b"\0" in data for path, data in result.files.items() if path.endswith(TEXTS))
