"""Files of others under limits: what is absurd is refused by its own code, before it costs anything."""

import io
import json
import os
import socket
import struct
import time
import tracemalloc
import zipfile

import onnx
import pytest

from mcuq.calibrate.arrays import Npz
from mcuq.calibrate.config import read_overrides
from mcuq.calibrate.data import InputSpec, read_samples
from mcuq.calibrate.labels import read_labels
from mcuq.calibrate.ranges import ranges_from_json
from mcuq.cli.parse import parse_size
from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.store import program_from_npz
from mcuq.ir.types import elem_count
from mcuq.ops.registry import STEP_OPS
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.lock import check_lock
from mcuq.pipeline.stored import load_program
from mcuq.reading.files import read_file
from mcuq.reading.text import MAX_DEPTH, AbsurdText, parse_json, parse_toml
from tests.conftest import EXAMPLE

X = InputSpec("x", (1, 4))
PROGRAM = EXAMPLE / "locked" / "digits.mcuq.npz"


def _code(call, *arguments):
    with pytest.raises(McuqError) as caught:
        call(*arguments)
    (problem,) = caught.value.problems
    return problem.code


def _samples(path):
    return read_samples(path, [X]).array("x")


def _npy(shape="(2, 4)", descr="'<f4'", values=bytes(32), version=(1, 0)):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return (
        b"\x93NUMPY"
        + bytes(version)
        + struct.pack("<H" if version == (1, 0) else "<I", len(text))
        + text
        + values
    )


READERS = {
    "samples.npy": _samples,
    "samples.npz": _samples,
    "labels.npy": lambda path: read_labels(path, 2),
    "program.mcuq.npz": load_program,
    "quant.toml": read_overrides,
    "firmware.lock": check_lock,
    "file": read_file,
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_without_waiting(tmp_path, name):
    path, read = tmp_path / name, READERS[name]
    assert _code(read, path) == "O012"
    os.mkfifo(path)
    assert _code(read, path) == "O014"
    path.unlink()
    path.symlink_to("/dev/zero")
    assert _code(read, path) == "O014"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert _code(read, path) == "O014"


def test_manifest_that_is_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "x.mcuq.json")
    assert _code(open_firmware, tmp_path) == "O014"


@pytest.mark.parametrize(
    "shape",
    [
        "(True, 4)",
        "(2, True, 4)",
        "(-2, 4)",
        f"(0x{'f' * 6000}, 4)",
        f"({2**63}, 0)",
        "(2.0, 4)",
        "'24'",
        "(" * 999,
    ],
)
def test_npy_shapes_that_hold_no_sizes_are_refused(tmp_path, shape):
    path = tmp_path / "a.npy"
    path.write_bytes(_npy(shape))
    assert _code(_samples, path) == "O004"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", _npy(shape))
    assert _code(_samples, tmp_path / "a.npz") == "O004"


def test_npy_that_is_sound_is_read(tmp_path):
    for version in ((1, 0), (2, 0)):
        (tmp_path / "a.npy").write_bytes(_npy(version=version))
        assert _samples(tmp_path / "a.npy").shape == (2, 1, 4)


def test_npy_header_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "a.npy").open("wb") as stream:
        stream.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1))
        stream.truncate(1 << 34)
    assert _peak(lambda: _code(_samples, tmp_path / "a.npy")) == ("O004", True)


def _peak(call):
    """What a call gives, and whether it held little memory."""
    tracemalloc.start()
    try:
        return call(), tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def _write_npz(path, compress_type=zipfile.ZIP_DEFLATED, **members):
    with zipfile.ZipFile(path, "w", compress_type) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def _patch_size(path, real, claimed):
    """Let the archive's directory claim another size of a member."""
    data = path.read_bytes()
    assert data.count(struct.pack("<I", real)) == 2
    path.write_bytes(data.replace(struct.pack("<I", real), struct.pack("<I", claimed)))


def test_npz_member_that_is_larger_than_it_claims_is_not_inflated(tmp_path):
    path = tmp_path / "a.npz"
    whole = _npy() + bytes(100 << 20)
    _write_npz(path, x=whole)
    _patch_size(path, len(whole), len(_npy()))
    assert _peak(lambda: _code(_samples, path)) == ("O004", True)


def test_npz_members_that_nobody_asked_for_are_not_inflated(tmp_path):
    path = tmp_path / "a.npz"
    _write_npz(path, x=_npy(), y=_npy("(262144, 100)", values=bytes(100 << 20)), z=b"no array")
    samples, is_small = _peak(lambda: _samples(path))
    assert samples.shape == (2, 1, 4)
    assert is_small


def test_npz_of_another_shape_is_refused_before_it_is_inflated(tmp_path):
    path = tmp_path / "a.npz"
    _write_npz(path, x=_npy("(262144, 100)", values=bytes(100 << 20)))
    assert _peak(lambda: _code(_samples, path)) == ("O006", True)


def test_npz_is_inflated_up_to_a_limit_in_total(tmp_path, monkeypatch):
    monkeypatch.setattr("mcuq.calibrate.arrays.MAX_INFLATED_BYTES", 60)
    path = tmp_path / "a.npz"
    _write_npz(path, x=_npy(), y=_npy())
    archive = Npz(path)
    assert archive.read("x").shape == (2, 4)
    assert _code(archive.read, "y") == "O004"
    _write_npz(path, zipfile.ZIP_STORED, x=_npy(), y=_npy())
    archive = Npz(path)
    assert [archive.read(key).shape for key in archive.keys] == [(2, 4), (2, 4)]


def test_npz_directory_of_millions_is_not_read(tmp_path):
    with (tmp_path / "a.npz").open("wb") as stream:
        stream.truncate(1 << 30)
        stream.seek(1 << 30)
        stream.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9999, 9999, 1 << 30, 0, 0))
    assert _peak(lambda: _code(_samples, tmp_path / "a.npz")) == ("O004", True)


def _changed_program(change, **options):
    """The stored program of the digits example, each member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(PROGRAM) as source, zipfile.ZipFile(out, "w", **options) as archive:
        for name in source.namelist():
            archive.writestr(name, change(name, source.read(name)))
    return out.getvalue()


def _program_code(data):
    return _code(program_from_npz, data, "x", STEP_OPS)


def test_program_with_a_lying_size_is_refused(tmp_path):
    path = tmp_path / "x.mcuq.npz"
    extra = 100 << 20
    path.write_bytes(
        _changed_program(
            lambda name, data: data + bytes(extra) if name == "a0000.npy" else data,
            compression=zipfile.ZIP_DEFLATED,
        )
    )
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("a0000.npy").file_size
    _patch_size(path, size, size - extra)
    data = path.read_bytes()
    assert _peak(lambda: _program_code(data)) == ("M009", True)


def test_program_reads_no_members_that_it_does_not_refer_to():
    data = _changed_program(lambda name, data: data)
    expected = program_from_npz(data, "x", STEP_OPS)
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a9999.npy", _npy("(262144, 100)", values=bytes(100 << 20)))
    program, is_small = _peak(lambda: program_from_npz(out.getvalue(), "x", STEP_OPS))
    assert is_small
    assert program.origin == expected.origin


@pytest.mark.parametrize("text", [b"[" * 99_999, b'{"format": 1' + b"0" * 400 + b"}", b'{"format": 1e999}'])
def test_program_whose_text_is_absurd_is_refused(text):
    assert (
        _program_code(_changed_program(lambda name, data: text if name == "program.json" else data)) == "M009"
    )


def test_shapes_of_very_many_large_sizes_are_refused_in_time(tmp_path):
    """Their product would have millions of digits."""
    start = time.process_time()
    sizes = (2**62,) * 100_000
    assert elem_count(sizes) > 2**128
    assert elem_count((*sizes, 0)) == 0
    document = json.loads(zipfile.ZipFile(PROGRAM).read("program.json"))
    document["program"]["tensors"][0]["shape"] = sizes
    text = json.dumps(document).encode()
    data = _changed_program(lambda name, data: text if name == "program.json" else data)
    assert _program_code(data) == "M009"
    model = onnx.load(EXAMPLE / "model.onnx")
    model.graph.initializer[0].dims.extend(sizes)
    onnx.save(model, tmp_path / "model.onnx")
    assert _code(read, tmp_path / "model.onnx") == "M011"
    assert time.process_time() - start < 5


def test_json_beyond_limits_is_absurd():
    nested = {"a": []}
    for _ in range(MAX_DEPTH):
        nested = {"a": [nested]}
    for text in (
        "[" * 9999, "[" * 9999 + "]" * 9999, '{"a":' * 9999, json.dumps(nested),
        "1" + "0" * 400, "1" + "0" * 9000,
        "-18446744073709551616", "1e400", "[-1e999]", f"[{'[],' * (2 << 20)}[]]",
    ):  # fmt: skip
        with pytest.raises(AbsurdText):
            parse_json(text)
    assert (
        parse_json('{"a": [18446744073709551615, -1.5e308, NaN], "b": "\\ud83d\\ude00"}')["b"] == "\U0001f600"
    )
    for text in ("", "{", b"\xff", '"\\ud800"', '{"\\udfff": 1}'):
        with pytest.raises(ValueError, match=r".") as caught:
            parse_json(text)
        assert not isinstance(caught.value, AbsurdText)


def test_toml_beyond_limits_is_absurd():
    for text in (
        "a" + ".a" * 9999 + " = 1", "[" + "a." * 9999 + "a]", "a = " + "[" * 9999, "a = " + "{a = " * 9999,
        "x = 1" + "0" * 400, "x = 1" + "0" * 9000, f"x = 0x{'f' * 300}", "#" + "x" * (1 << 20),
    ):  # fmt: skip
        with pytest.raises(AbsurdText):
            parse_toml(text.encode())
    assert parse_toml(b"# ...........\na.b.c = [1.5, -9223372036854775808]\n")["a"] == {
        "b": {"c": [1.5, -(2**63)]}
    }


def test_text_that_is_absurd_has_its_own_code(tmp_path):
    deep = b"[" * 9999
    assert _code(ranges_from_json, deep) == "O017"
    (tmp_path / "x.lock").write_bytes(deep)
    assert _code(check_lock, tmp_path / "x.lock") == "O017"
    (tmp_path / "quant.toml").write_bytes(b"a" + b".a" * 9999 + b" = 1")
    assert _code(read_overrides, tmp_path / "quant.toml") == "O017"
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "x.mcuq.json").write_bytes(deep)
    assert _code(open_firmware, tmp_path / "f") == "O017"


@pytest.mark.parametrize("setting", ["method", "scheme", "percentile", "range", "op"])
@pytest.mark.parametrize("value", ["[]", "{}", "true", "1", "[[1]]", "nan", "1979-05-27"])
def test_settings_of_another_type_are_refused(tmp_path, setting, value):
    pattern = 'scheme = "symmetric"' if setting == "op" else 'op = "conv2d"'
    (tmp_path / "quant.toml").write_text(f"[[override]]\n{pattern}\n{setting} = {value}\n")
    assert _code(read_overrides, tmp_path / "quant.toml") == "O001"


@pytest.mark.parametrize(
    ("key", "value"), [("steps", {}), ("steps", ""), ("name", "../x"), ("name", True), ("sizes", [])]
)
def test_locks_with_members_of_another_kind_are_refused(tmp_path, key, value):
    lock = json.loads((EXAMPLE / "digits.mcuq.lock").read_text())
    (tmp_path / "x.lock").write_text(json.dumps({**lock, key: value}))
    assert _code(check_lock, tmp_path / "x.lock") == "O004"


def test_labels_of_absurd_class_folders_are_refused(tmp_path):
    for name in ("9" * 100, "1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.npy").write_bytes(_npy())
    assert _code(read_labels, tmp_path, 2) == "O009"


def test_ranges_that_no_code_can_have_are_refused():
    def text(limits, seen):
        return json.dumps({"format": "mcuq-ranges-1", "tensors": {"x": {"range": limits, "seen": seen}}})

    one = (1.0).hex()
    assert ranges_from_json(text([one, one], [one] * 5))["x"].hi == 1
    for limits, seen in (
        ([one, "inf"], [one] * 5), ([one, "0x1p+1000"], [one] * 5), (["nan", one], [one] * 5),
        ([one, one], [*[one] * 4, "0x1p+1"]), ([one, one], ["inf", *[one] * 4]), ("12", [one] * 5),
        ([one, True], [one] * 5),
    ):  # fmt: skip
        assert _code(ranges_from_json, text(limits, seen)) == "O004"


def test_sizes_of_thousands_of_digits_are_refused():
    for text in ("9" * 5000 + "x8", "8x" + "9" * 5000, "65536x8", "0x8", "٣x8", "8"):
        assert _code(parse_size, text) == "O001"
    assert parse_size("8x65535") == (8, 65535)


def test_messages_about_hostile_files_stay_short(tmp_path):
    text = json.dumps({"format": "x" * 1_000_000})
    with pytest.raises(McuqError) as caught:
        ranges_from_json(text)
    assert len(str(caught.value)) < 20_000
