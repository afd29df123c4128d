"""Builds with elimination on and off: the same outputs and stored program, and a record of what went."""

import dataclasses
import json

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.ir.store import program_to_npz
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.export import export
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.simulator.simulate import simulate_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.builders import write_firmware
from tests.cli.runner import run
from tests.eliminate.test_random_programs import grow
from tests.pipeline.stored import edited, load
from tests.small_models import Net, save
from tests.tools import require

pytestmark = pytest.mark.slow


def model(folder):
    """A separable network; of eight channels two are dead, and one reaches nothing."""
    net = Net(x=[1, 3, 8, 8])
    rng = np.random.default_rng(3)
    bias = np.where(np.isin(np.arange(8), [2, 5]), -1000.0, 0.5)
    x = net.add("Conv", "x", net.const(rng.normal(size=(8, 3, 3, 3))), net.const(bias), pads=[1] * 4)
    x = net.add("Relu", x)
    x = net.conv(x, 8, 8, (3, 3), group=8, pads=[1] * 4)
    x = net.add("Relu", x)
    last = rng.normal(size=(4, 8, 1, 1)) * (np.arange(8) != 7).reshape(1, 8, 1, 1)
    x = net.add("Conv", x, net.const(last), net.random(4))
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    return save(net.model(net.add("Gemm", x, net.random(4, 3))), folder)


def compiled(folder, name, eliminate=None, verify="none"):
    samples = np.random.default_rng(0).normal(size=(8, 1, 3, 8, 8)).astype(np.float32)
    data = CalibrationData(Samples.from_arrays({"x": samples}))
    options = QuantOptions(weight_rounding="nearest", equalize="off", eliminate_channels=eliminate)
    return build(
        model(folder),
        "host",
        calibration=data,
        output=folder / name,
        name="net",
        verify=verify,
        options=options,
    )


def sizes(program):
    macs = sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps)
    return macs, sum(step.op.weight_bytes() for step in program.steps)


def test_both_builds_are_bit_exact_and_give_the_same(tmp_path):
    require("cc")
    on, off = compiled(tmp_path, "on", verify="host"), compiled(tmp_path, "off", False, verify="host")
    assert on.report.is_identical and off.report.is_identical
    inputs = standard_inputs(on.plan.program, None, 30)
    for first, second in zip(
        simulate_program(on.plan.program, inputs), simulate_program(off.plan.program, inputs), strict=True
    ):
        assert np.array_equal(first, second)
    # 8 x 8 positions: 27 taps, 9 taps and 4 filters for each of three channels.
    assert sizes(off.plan.program)[0] - sizes(on.plan.program)[0] >= 64 * 3 * (27 + 9 + 4) - 64 * 4
    assert off.plan.dropped == ()


def test_the_directory_keeps_the_whole_program(tmp_path):
    on, off = compiled(tmp_path, "on"), compiled(tmp_path, "off", False)
    whole = load_program(tmp_path / "on" / "net.mcuq.npz")
    assert sizes(whole) == sizes(off.plan.program)
    assert not whole.keeps_channels
    kept = dataclasses.replace(whole, keeps_channels=True)
    assert program_to_npz(kept) == off.files["net.mcuq.npz"]
    again = open_firmware(tmp_path / "on").plan
    assert again.dropped == on.plan.dropped
    assert [tensor.shape for tensor in again.program.tensors] == [t.shape for t in on.plan.program.tensors]
    assert sizes(open_firmware(tmp_path / "off").plan.program) == sizes(whole)


def test_exports_hold_every_channel(tmp_path):
    """As those of a build that drops nothing: QDQ model, encodings and TensorRT ranges."""
    dropped = compiled(tmp_path, "on").plan.dropped
    compiled(tmp_path, "off", False)
    assert dropped
    for file_format in ("qdq", "json", "tensorrt"):
        on, off = (tmp_path / f"{name}.{file_format}" for name in ("on", "off"))
        for path in (on, off):
            export(tmp_path / path.stem, file_format, path)
        if file_format == "json":
            documents = [json.loads(path.read_text("utf-8")) for path in (on, off)]
            # The programs that they carry remember which build was asked to keep all channels.
            assert documents[0].pop("program") != documents[1].pop("program")
            assert documents[0] == documents[1]
        else:
            assert on.read_bytes() == off.read_bytes()


def test_encodings_of_a_build_that_drops_give_the_same_build(tmp_path):
    made = compiled(tmp_path, "made")
    export(tmp_path / "made", "json", tmp_path / "encodings.json")
    again = build(
        tmp_path / "net.onnx",
        "host",
        output=tmp_path / "again",
        name="net",
        verify="none",
        encodings=tmp_path / "encodings.json",
    )
    assert again.plan.dropped == made.plan.dropped
    # Behind the banner, which says where ranges came from.
    for file in ("src/net.c", "src/net_weights.c"):
        texts = [each.files[file].partition(b"*/")[2] for each in (made, again)]
        assert texts[0] == texts[1] != b""


@pytest.mark.parametrize("first", [None, False])
def test_a_stored_program_is_built_as_it_says_unless_told_otherwise(tmp_path, first):
    made = compiled(tmp_path, "first", first)
    stored = tmp_path / "first" / "net.mcuq.npz"
    same = build(stored, "host", output=tmp_path / "same", name="net", verify="none")
    assert made.files == same.files
    options = QuantOptions(eliminate_channels=first is False)
    other = build(stored, "host", output=tmp_path / "other", name="net", verify="none", options=options)
    assert other.files == compiled(tmp_path, "second", first is False).files
    assert other.files["src/net_weights.c"] != made.files["src/net_weights.c"]


def test_what_is_stored_of_elimination_is_checked(tmp_path):
    program = compiled(tmp_path, "made", False).plan.stored
    assert program.keeps_channels and load(program_to_npz(program)).keeps_channels
    # Programs of earlier versions do not say, and drop.
    assert not load(edited(program, lambda document, _: document.pop("keeps_channels"))).keeps_channels
    for value in (1, "yes", None, []):
        with pytest.raises(McuqError, match="M009"):
            load(edited(program, lambda document, _, v=value: document.update(keeps_channels=v)))


def test_reports_list_what_went_and_why(tmp_path, monkeypatch):
    compiled(tmp_path, "made")
    monkeypatch.chdir(tmp_path)
    stored = "made/net.mcuq.npz"
    arguments = ("build", stored, "--target", "host", "--name", "net", "--verify", "none")
    done = run(*arguments, "--json", "--output", "json")
    manifest = json.loads((tmp_path / "json" / "net.mcuq.json").read_text())
    found = done.json["eliminated"]
    assert found == manifest["eliminated"]
    first = found["steps"][0]
    assert (first["op"], first["channels"], first["weight_bytes"]) == ("conv2d", 8, 3 * 27)
    assert first["macs"] == 64 * 3 * 27
    dead = [each for each in first["dropped"] if each["reason"] == "constant"]
    assert [each["channels"] for each in dead] == [[2, 5]]
    assert isinstance(dead[0]["code"], int)
    assert [each["channels"] for each in first["dropped"] if each["reason"] == "unread"] == [[7]]
    assert found["macs"] == sum(each["macs"] for each in found["steps"])
    text = run(*arguments, "--output", "text").out
    assert (
        f"channels: {found['dropped']} of {found['channels']} are constant or unread and were dropped" in text
    )
    kept = run(*arguments, "--output", "kept", "--keep-channels", "--json")
    assert kept.json["eliminated"] is None
    assert kept.json["macs"] == done.json["macs"] + found["macs"]
    assert "computed all the same" in (tmp_path / "kept" / "include" / "net.h").read_text()


@pytest.mark.parametrize("seed", range(6))
def test_firmware_of_random_programs_is_bit_exact(tmp_path, seed):
    require("cc")
    seeds = (
        each for each in range(1000 * seed, 1000 * seed + 1000) if plan_program(grow(each), "host").dropped
    )
    plan = plan_program(grow(next(seeds)), "host")
    write_firmware(tmp_path, plan)
    inputs = standard_inputs(plan.program, None, 4)
    report = verify_firmware(tmp_path, plan, "net", inputs, sanitize=("address", "undefined"))
    assert report.first_difference is None


def test_cores_with_dsp_instructions_get_multiples_of_four(tmp_path):
    """Of eight channels five are needed; the last layer's four outputs stay in any case."""
    whole = compiled(tmp_path, "made").plan.stored
    for target, expected in (("host", 5), ("cortex-m3", 5), ("cortex-m4", 8), ("cortex-m55", 8)):
        found = plan_program(whole, target).program
        counts = {s.op.kind: found.tensors[s.output].shape[3] for s in found.steps if "conv" in s.op.kind}
        assert counts["depthwise_conv2d"] == expected, target
