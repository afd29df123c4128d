"""A stored program is hostile input: what is not a sound program is refused with M009, never run."""

import dataclasses
import io
import sys
import zipfile

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.store import program_to_npz
from mcuq.ops.argmax import ArgMaxStep
from mcuq.ops.arithmetic import AddStep, MulStep
from mcuq.ops.constant import ConstantStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.pad import PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.softmax import SoftmaxStep
from mcuq.ops.unary import ClipStep
from mcuq.ops.weighted import WeightedParams
from mcuq.ops.window import Window
from tests.builders import ProgramBuilder
from tests.pipeline.stored import edited, load, npy, pack, unpack

HALF = Requant((2**30,), (0,), Rounding.DOUBLE)
EIGHTH = Requant((2**30,), (-2,), Rounding.DOUBLE)
BIG = 10**20


def weighted(*shape):
    return WeightedParams(np.ones(shape, np.int8), np.zeros(shape[0], np.int32), EIGHTH, 3, 0, -128, 127)


def program_of(op, *shapes):
    builder = ProgramBuilder()
    builder.output(builder.step(op, *[builder.input(shape) for shape in shapes]))
    return builder.program()


IMAGE = (1, 4, 4, 1)
PROGRAMS = {
    "conv": program_of(ConvStep(weighted(1, 2, 2, 1), Window((2, 2)), 1), IMAGE),
    "depthwise": program_of(DepthwiseStep(weighted(1, 2, 2, 1), Window((2, 2))), IMAGE),
    "linear": program_of(LinearStep(weighted(1, 4)), (1, 4)),
    "max": program_of(MaxPoolStep(Window((2, 2)), -128, 127), IMAGE),
    "average": program_of(AveragePoolStep(Window((2, 2)), False, 0, -128, 127), IMAGE),
    "mean": program_of(MeanStep(Window((2, 2)), 0, 0, EIGHTH, -128, 127), IMAGE),
    "softmax": program_of(SoftmaxStep(2**30, 25, -62), (1, 4)),
    "clip": program_of(ClipStep(0, 5), (4,)),
    "pad": program_of(PadStep(((1, 1),), 0, -128, 127), (4,)),
    "add": program_of(AddStep(0, 0, 0, HALF, HALF, EIGHTH, False, -128, 127), (4,), (4,)),
    "mul": program_of(MulStep(0, 0, 0, EIGHTH, -128, 127), (4,), (4,)),
    "argmax": program_of(ArgMaxStep(), (1, 4)),
}


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_constants_keep_their_shape(shape):
    """An array without axes was stored with one, and the program was refused when read."""
    program = program_of(ConstantStep(np.full(shape, 106, np.int8)))
    again = load(program_to_npz(program))
    assert again.steps[0].op.codes.shape == shape
    assert program_to_npz(again) == program_to_npz(program)


def op(**members):
    return lambda document, _: document["steps"][0]["op"].update(members)


def window(output=None, **members):
    """Other window members; `output` is the shape that then fits."""

    def edit(document, _):
        document["steps"][0]["op"]["window"].update(members)
        if output is not None:
            document["tensors"][-1]["shape"] = list(output)
            document["outputs"][0]["model_shape"] = list(output)

    return edit


def scale(member="requant", **members):
    def edit(document, _):
        step = document["steps"][0]["op"]
        step.get("params", step)[member].update(members)

    return edit


def array(member, values):
    def edit(document, members):
        members[document["steps"][0]["op"]["params"][member] + ".npy"] = npy(values)

    return edit


def tensor(index, **members):
    return lambda document, _: document["tensors"][index]["quant"].update(members)


def ports(**members):
    return lambda document, _: [port.update(members) for port in document["inputs"]]


def everywhere(size):
    def edit(document, _):
        for each in document["tensors"]:
            each["shape"] = [size]
        for port in (*document["inputs"], *document["outputs"]):
            port["model_shape"] = [size]

    return edit


DAMAGE = [
    ("conv", window(strides=[0, 1])),
    ("conv", window((1, 1, 3, 1), strides=[-9, 1])),
    ("conv", window((1, 2, 3, 1), pads=[-1, 0, 0, 0])),
    ("conv", window((1, 4, 3, 1), dilations=[0, 1])),
    ("conv", window((1, 5, 3, 1), dilations=[-1, 1])),
    ("conv", window((1, 2, 2, 1), kernel=[3, 3])),
    ("conv", window((1, 4, 4, 1), kernel=[1, 1])),
    ("depthwise", window((1, 2, 2, 1), kernel=[3, 3])),
    ("max", window((1, 5, 5, 1), kernel=[0, 0])),
    ("conv", window((1, 1, 3, 1), strides=[1 << 40, 1])),
    ("max", window((1, 1, 3, 1), strides=[1 << 40, 1], pads=[1 << 40, 0, 0, 0])),
    ("conv", op(groups=0)),
    ("conv", op(groups=-1)),
    # Sums that leave int32, and left shifts that do.
    ("conv", array("bias", np.array([2**31 - 1], np.int32))),
    ("depthwise", array("bias", np.array([-(2**31)], np.int32))),
    ("linear", array("bias", np.array([2**31 - 1], np.int32))),
    ("linear", array("bias", np.array([2**31 - 4 * 124], np.int32))),
    ("conv", scale(shift=[30])),
    ("mean", scale(shift=[22])),
    ("mul", scale(shift=[16])),
    ("add", scale("y_requant", shift=[4])),
    ("mean", scale(multiplier=[2**30] * 2, shift=[0, 0])),
    ("mul", scale(multiplier=[2**30] * 4, shift=[0] * 4)),
    ("add", scale("a_requant", multiplier=[2**30] * 4, shift=[0] * 4)),
    # Two contracts in one program.
    ("add", scale("y_requant", rounding="single")),
    ("linear", lambda document, _: document.update(rounding="single")),
    ("mean", window((1, 5, 5, 1), pads=[1, 1, 1, 1])),
    ("mean", window((1, 2, 2, 1), dilations=[2, 2])),
    ("average", window((1, 2, 2, 1), dilations=[2, 2])),
    ("average", op(x_zero_point=300)),
    ("average", op(lo=0)),
    ("max", op(lo=5, hi=3)),
    ("max", op(lo=-BIG)),
    ("max", op(lo=0)),
    ("max", op(hi=126)),
    ("softmax", op(multiplier=2**40)),
    ("softmax", op(multiplier=1)),
    ("softmax", op(shift=200)),
    ("softmax", op(shift=-200)),
    ("softmax", op(diff_min=5)),
    ("softmax", op(diff_min=-BIG)),
    ("softmax", op(diff_min=-3)),
    ("clip", op(lo=-500)),
    ("clip", op(hi=128)),
    ("clip", op(lo=10, hi=3)),
    ("pad", op(value=128)),
    ("pad", op(lo=-129)),
    ("pad", op(pads=[[-1, 3]])),
    ("pad", op(pads=[[BIG, 1]])),
    ("add", op(a_zero_point=200)),
    ("mul", op(lo=5, hi=4)),
    ("linear", tensor(1, dtype="int16")),
    ("linear", tensor(0, dtype="int32")),
    ("argmax", tensor(1, dtype="int8")),
    ("clip", tensor(0, scale=["nan"])),
    ("clip", tensor(0, scale=["0x0p+0"])),
    ("clip", tensor(0, scale=["-0x1p+0"])),
    ("clip", tensor(0, scale=[])),
    ("clip", tensor(0, axis=0)),
    ("clip", tensor(0, zero_point=128)),
    ("clip", everywhere(10**10)),
    ("clip", everywhere(BIG)),
    ("clip", everywhere(0)),
    ("add", ports(name="same")),
    ("add", ports(tensor=0)),
    ("clip", ports(perm=[0.0])),
    ("clip", ports(perm=[1])),
    ("clip", ports(name="\ud800")),
    ("clip", lambda document, _: document["steps"][0].update(name="\ud800")),
    ("clip", lambda document, _: document["origin"].update(model_sha256="*/ int x; /*")),
    ("clip", lambda document, _: document["tensors"][1].update(storage=7)),
    ("clip", lambda document, _: document["steps"].clear()),
    ("clip", lambda document, _: document["outputs"].clear()),
    ("clip", lambda document, _: document.update(tensors=None)),
    ("linear", array("weights", np.ones((1, 5), np.int8))),
    ("linear", array("weights", np.ones((1, 4), np.int16))),
    ("linear", array("weights", np.ones((0, 4), np.int8))),
    ("linear", array("bias", np.zeros((2,), np.int32))),
    ("conv", array("weights", np.ones((1, 4), np.int8))),
]


def assert_refused(data):
    with pytest.raises(McuqError) as error:
        load(data)
    (problem,) = error.value.problems
    assert problem.code == "M009"
    assert all((problem.where, problem.why, problem.fix))


@pytest.mark.parametrize(("name", "edit"), DAMAGE, ids=[f"{i}-{name}" for i, (name, _) in enumerate(DAMAGE)])
def test_unsound_program_is_refused(name, edit):
    assert_refused(edited(PROGRAMS[name], edit))


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_sound_program_survives_a_round_trip(name):
    data = program_to_npz(PROGRAMS[name])
    document, members = unpack(data)
    again = load(pack(document, members))
    assert data == program_to_npz(load(data)) == program_to_npz(again)


def test_bytes_depend_on_no_compressor_and_no_system(monkeypatch):
    """Locks hash these bytes, so they have to be the same with every zlib and on Windows."""
    data = program_to_npz(PROGRAMS["conv"])
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        assert {zipfile.ZIP_STORED} == {info.compress_type for info in members.infolist()}
    monkeypatch.setattr(sys, "platform", "win32")
    assert data == program_to_npz(PROGRAMS["conv"])


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def npy_header(text):
    header = text.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


ARCHIVES = {
    "empty": b"",
    "text": b"not an archive",
    "no header": archive(a0000__npy=npy(np.zeros(3, np.int8))),
    "no json": archive(program__json="{"),
    "a list": archive(program__json="[]"),
    "other format": archive(program__json='{"format": 99, "program": {}}'),
    "no program": archive(program__json='{"format": 1}'),
    "deep": archive(program__json="[" * 200_000),
    "not utf-8": archive(program__json=b'{"format": "\xff"}'),
    "huge number": archive(program__json='{"format": 1e999999}'),
    "bomb": archive(program__json="{}", a0000__npy=b"\0" * (300 << 20)),
    "pickle": archive(
        program__json="{}", a0000__npy=npy_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")
    ),
    "huge shape": archive(
        program__json="{}",
        a0000__npy=npy_header(
            "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999999,), }"
        ),
    ),
    "negative shape": archive(
        program__json="{}",
        a0000__npy=npy_header("{'descr': '<i4', 'fortran_order': False, 'shape': (-1,), }"),
    ),
    "no dtype": archive(
        program__json="{}", a0000__npy=npy_header("{'descr': 5, 'fortran_order': False, 'shape': (1,), }")
    ),
    "code": archive(program__json="{}", a0000__npy=npy_header("__import__('os').abort()")),
}


@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_archive_that_is_no_program_is_refused(name):
    assert_refused(ARCHIVES[name])


def test_swapped_arrays_are_refused():
    document, members = unpack(program_to_npz(PROGRAMS["linear"]))
    first, second = sorted(members)
    members[first], members[second] = members[second], members[first]
    assert_refused(pack(document, members))


@pytest.mark.parametrize("name", ["linear", "add", "softmax"])
def test_every_truncation_is_refused(name):
    data = program_to_npz(PROGRAMS[name])
    for length in range(0, len(data), 7):
        assert_refused(data[:length])


def test_bytes_that_changed_are_refused_or_mean_the_same():
    """A checksum guards every member; only bytes around the members may change unnoticed."""
    data = program_to_npz(PROGRAMS["linear"])
    rng = np.random.default_rng(0)
    for position in rng.permutation(len(data))[:600]:
        changed = bytearray(data)
        changed[position] ^= 1 << int(rng.integers(8))
        try:
            program = load(bytes(changed))
        except McuqError as error:
            assert [problem.code for problem in error.problems] == ["M009"]
        else:
            assert data == program_to_npz(program)


def test_encrypted_archive_is_refused():
    data = bytearray(program_to_npz(PROGRAMS["clip"]))
    # Bit 0 of the flags, in the local header and in the directory.
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert_refused(bytes(data))


def test_a_program_of_many_problems_names_the_first():
    program = PROGRAMS["linear"]
    broken = dataclasses.replace(program, outputs=())
    assert_refused(program_to_npz(broken))
