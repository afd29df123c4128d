import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.errors import McuqError

from .helpers import refusal

X = InputSpec("x", (1, 2, 3))
Y = InputSpec("y", (4,))
VALUES = np.arange(30, dtype=np.float32).reshape(5, 2, 3)


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("form", [VALUES, VALUES[:, None], np.asfortranarray(VALUES), VALUES.astype(">f4")])
def test_npy_reads_in_both_forms_and_any_order(tmp_path: Path, form: np.ndarray) -> None:
    samples = read_samples(save(tmp_path / "a.npy", form), [X])
    assert (samples.names, len(samples), samples.shape("x")) == (("x",), 5, (1, 2, 3))
    assert np.array_equal(samples.array("x"), VALUES[:, None])
    batches = list(samples.batches(2))
    assert [len(batch["x"]) for batch in batches] == [2, 2, 1]
    assert np.array_equal(np.concatenate([batch["x"] for batch in batches]), VALUES[:, None])
    assert all(b["x"].dtype == np.dtype("f4") and not b["x"].flags.writeable for b in batches)


def test_npy_for_a_model_without_batch_axis(tmp_path: Path) -> None:
    values = np.ones((3, 4), np.float32)
    assert read_samples(save(tmp_path / "a.npy", values), [Y]).array("y").shape == (3, 4)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.int8, np.int32, np.uint64, ">i2"])
def test_npy_of_other_real_types_is_converted(tmp_path: Path, dtype: str) -> None:
    samples = read_samples(save(tmp_path / "a.npy", VALUES.astype(dtype)), [X])
    assert samples.array("x").dtype == np.float32
    assert np.array_equal(samples.array("x")[:, 0], VALUES)


@pytest.mark.parametrize(
    "values", [[2**24 + 1], [2**31 - 1], [-(2**24) - 1], np.array([2**64 - 1], np.uint64), [2**54]]
)
def test_integers_that_float32_rounds_are_refused(tmp_path: Path, values: object) -> None:
    array = np.zeros((3, 1), np.asarray(values).dtype)
    array[2] = values
    text = refusal("O007", lambda: read_samples(save(tmp_path / "a.npy", array), [InputSpec("x", (1, 1))]))
    assert "sample 2" in text


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 3), np.complex64),
        np.zeros((2, 2, 3), "U3"),
        np.zeros((2, 2, 3), "M8[s]"),
        np.zeros((2, 2, 3), [("a", "f4")]),
        np.full((2, 2, 3), None),
    ],
)
def test_arrays_that_are_not_real_numbers_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "a.npy"
    np.save(path, array, allow_pickle=True)
    assert str(array.dtype) in refusal("O007", lambda: read_samples(path, [X]))
    np.savez(tmp_path / "a.npz", x=array, allow_pickle=True)
    refusal("O007", lambda: read_samples(tmp_path / "a.npz", [X]))


@pytest.mark.parametrize("shape", [(5, 3, 2), (5, 6), (2, 3), (), (5, 2, 2, 3), (0, 5)])
def test_wrong_shapes_are_refused_with_both_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    text = refusal("O006", lambda: read_samples(save(tmp_path / "a.npy", np.zeros(shape, "f4")), [X]))
    assert f"found shape {shape}, expected (n, 1, 2, 3) or (n, 2, 3)" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("suffix", ["npy", "npz", "folder"])
def test_values_that_are_not_finite_are_refused_by_sample(tmp_path: Path, bad: float, suffix: str) -> None:
    array = VALUES.astype(np.float64)
    array[3, 1, 2] = bad
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        save(path, array)
    elif suffix == "npz":
        np.savez(path, x=array)
    else:
        path.mkdir()
        for i, sample in enumerate(array):
            save(path / f"{i}.npy", sample)
    text = refusal("O008", lambda: read_samples(path, [X]).array("x"))
    assert "3.npy" in text if suffix == "folder" else "sample 3" in text


def test_missing_and_unknown_paths(tmp_path: Path) -> None:
    for name in ("a.npy", "a.npz", "a", "a.txt"):
        refusal("O012", lambda name=name: read_samples(tmp_path / name, [X]))
    (tmp_path / "a.txt").write_text("1 2 3")
    refusal("O004", lambda: read_samples(tmp_path / "a.txt", [X]))


def test_empty_data_is_refused(tmp_path: Path) -> None:
    refusal("O005", lambda: read_samples(save(tmp_path / "a.npy", np.zeros((0, 2, 3), "f4")), [X]))
    np.savez(tmp_path / "a.npz", x=np.zeros((0, 1, 2, 3), "f4"))
    refusal("O005", lambda: read_samples(tmp_path / "a.npz", [X]))
    np.savez(tmp_path / "b.npz")
    refusal("O005", lambda: read_samples(tmp_path / "b.npz", [X]))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").touch()
    refusal("O005", lambda: read_samples(tmp_path / "folder", [X]))


def test_npy_that_is_cut_or_padded_is_refused(tmp_path: Path) -> None:
    whole = npy_bytes(VALUES)
    path = tmp_path / "a.npy"
    for data in (b"", whole[:5], whole[:64], whole[:-1], whole + b"\0", b"PK" + whole):
        path.write_bytes(data)
        refusal("O004", lambda: read_samples(path, [X]))


@pytest.mark.parametrize("shape", ["(10**12, 2, 3)", "(-5, 2, 3)", "(5, 2, 3", "(99999999999, 2, 3)", "None"])
def test_npy_header_that_lies_is_refused(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + VALUES.tobytes()
    (tmp_path / "a.npy").write_bytes(data)
    refusal("O004", lambda: read_samples(tmp_path / "a.npy", [X]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(["npy", "stored", "deflated"]))
def test_damaged_files_are_refused_or_read_whole(tmp_path: Path, data: st.DataObject, kind: str) -> None:
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, VALUES)
    else:
        {"stored": np.savez, "deflated": np.savez_compressed}[kind](buffer, x=VALUES)
    content = bytearray(buffer.getvalue())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.none())
    path = tmp_path / ("a.npy" if kind == "npy" else "a.npz")
    path.write_bytes(content[:cut])
    try:
        assert read_samples(path, [X]).array("x").shape[1:] == X.shape
    except McuqError as error:
        assert error.problems[0].code in {"O004", "O005", "O006", "O007", "O008"}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_npz_by_input_names(tmp_path: Path, write: object) -> None:
    y = np.arange(20, dtype=np.int16).reshape(5, 4)
    write(tmp_path / "a.npz", y=y, x=np.asfortranarray(VALUES), other=np.zeros(3))
    samples = read_samples(tmp_path / "a.npz", [X, Y])
    assert samples.names == ("x", "y")
    assert np.array_equal(samples.array("x")[:, 0], VALUES)
    assert np.array_equal(samples.array("y"), y.astype(np.float32))


def test_npz_of_one_array_serves_one_input_under_any_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", VALUES)
    assert np.array_equal(read_samples(tmp_path / "a.npz", [X]).array("x")[:, 0], VALUES)


def test_npz_key_may_hold_any_text(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"serving/x:0": VALUES, "b": VALUES})
    assert len(read_samples(tmp_path / "a.npz", [InputSpec("serving/x:0", (1, 2, 3))])) == 5


def test_npz_with_missing_or_uneven_inputs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=VALUES, z=np.zeros((5, 4)))
    assert "found ['x', 'z']" in refusal("O006", lambda: read_samples(path, [X, Y]))
    np.savez(path, x=VALUES, y=np.zeros((4, 4)))
    assert "'x' has 5, 'y' has 4" in refusal("O006", lambda: read_samples(path, [X, Y]))


def test_one_unnamed_array_cannot_serve_two_inputs(tmp_path: Path) -> None:
    refusal("O006", lambda: read_samples(save(tmp_path / "a.npy", VALUES), [X, Y]))
    refusal("O006", lambda: read_samples(tmp_path, [X, Y]))


def test_npz_bombs_are_refused_before_they_expand(tmp_path: Path) -> None:
    zeros = np.zeros((1 << 20, 2, 3), np.uint8)
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=zeros)
    assert len(read_samples(path, [X]).take([0])) == 1  # 6 MB of zeros are no bomb
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        for _ in range(400):
            member.write(bytes(1 << 20))
    assert "times as many" in refusal("O004", lambda: read_samples(path, [X]))


def test_npz_of_foreign_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy_bytes(VALUES))
    assert "compression" in refusal("O004", lambda: read_samples(tmp_path / "a.npz", [X]))


def test_folder_of_npy_is_ordered_by_name(tmp_path: Path) -> None:
    for name, value in (("b.npy", 2), ("a.npy", 1), ("c.npy", 3)):
        sample = np.full((2, 3), value, np.uint8)
        save(tmp_path / name, sample[None] if name == "b.npy" else sample)
    samples = read_samples(tmp_path, [X])
    assert samples.array("x").shape == (3, 1, 2, 3)
    assert list(samples.array("x")[:, 0, 0, 0]) == [1, 2, 3]
    assert list(samples.take([2, 0]).array("x")[:, 0, 0, 0]) == [3, 1]


def test_folder_with_a_wrong_or_damaged_file_names_it(tmp_path: Path) -> None:
    save(tmp_path / "a.npy", VALUES[0])
    save(tmp_path / "b.npy", VALUES[0].T)
    assert "b.npy" in refusal("O006", lambda: read_samples(tmp_path, [X]).array("x"))
    (tmp_path / "b.npy").write_bytes(b"?")
    assert "b.npy" in refusal("O004", lambda: read_samples(tmp_path, [X]).array("x"))
    (tmp_path / "c.txt").touch()
    assert "c.txt" in refusal("O004", lambda: read_samples(tmp_path, [X]))


def test_folder_of_a_model_without_batch_axis(tmp_path: Path) -> None:
    save(tmp_path / "a.npy", np.ones(4))
    save(tmp_path / "b.npy", np.ones((1, 4)))
    assert read_samples(tmp_path, [Y]).array("y").shape == (2, 4)


def test_take_keeps_order_and_repeats(tmp_path: Path) -> None:
    samples = read_samples(save(tmp_path / "a.npy", VALUES), [X])
    picked = samples.take([4, 0, 0, 2]).take(np.array([3, 0]))
    assert np.array_equal(picked.array("x")[:, 0], VALUES[[2, 4]])
    assert len(picked) == 2
    assert list(samples.take([]).batches(3)) == []


def test_samples_survive_a_file_that_shrinks_as_a_refusal(tmp_path: Path) -> None:
    samples = read_samples(save(tmp_path / "a.npy", VALUES), [X])
    (tmp_path / "a.npy").write_bytes(b"")
    refusal("O004", lambda: samples.array("x"))


def test_samples_from_arrays_are_checked_and_read_only() -> None:
    samples = Samples.from_arrays({"x": VALUES})
    assert samples.shape("x") == (2, 3)
    with pytest.raises(ValueError, match="read-only"):
        samples.array("x")[0] = 1
    with pytest.raises(McuqError):
        Samples.from_arrays({"x": np.array([[np.nan]])})
