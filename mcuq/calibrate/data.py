"""Reading samples for calibration, simulation and evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mcuq.calibrate.arrays import ArrayFile, Npz, check_dtype, corrupt, missing, open_npy
from mcuq.calibrate.columns import ArrayColumn, Column, NpyFolderColumn, wrong_shape
from mcuq.calibrate.folder import list_files
from mcuq.calibrate.images import ImageColumn, Preprocessing
from mcuq.errors import fail
from mcuq.ir.types import Array, DType, Float32, Int64, Shape


@dataclasses.dataclass(frozen=True, slots=True)
class InputSpec:
    """A declared input of the model: its name and its shape with the batch axis where it has one."""

    name: str
    shape: Shape
    dtype: DType = DType.FLOAT32


class Samples:
    """Values for all inputs of a model, sample by sample, read when they are asked for.

    Every array is `[n, *shape]` with the model's own shape, batch axis included: `array[i]` is what the model
    takes.
    """

    __slots__ = ("_columns", "_indices")

    def __init__(self, columns: Mapping[str, Column], indices: Int64 | None = None) -> None:
        """Bind columns of equal length; `indices` restricts them to some samples in some order."""
        lengths = {len(column) for column in columns.values()}
        assert len(lengths) == 1, lengths
        self._columns = MappingProxyType(dict(columns))
        self._indices = np.arange(lengths.pop()) if indices is None else np.array(indices, np.int64)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Samples:
        """Samples from arrays in memory, each `[n, *shape]` with the model's full shape.

        Raises:
            McuqError: O005 without a sample; O006 when the arrays have none or different numbers of them;
                O007 or O008 when the values are not finite float32.
        """
        columns = {}
        for name, given in arrays.items():
            array, label = np.asarray(given), f"input '{name}'"
            check_dtype(array.dtype, label)
            if not array.ndim:
                raise wrong_shape(label, (), "(n, ...)")
            if not len(array):
                raise _empty(label)
            columns[name] = ArrayColumn(array, array.shape[1:], label)
            columns[name].check()
        if not columns:
            raise _empty("the arrays")
        _check_counts("the arrays", columns)
        return cls(columns)

    @classmethod
    def of_values(cls, arrays: Mapping[str, Float32]) -> Samples:
        """Samples of arrays that somebody computed, each `[n, *shape]`, whatever their values are."""
        columns = {name: ArrayColumn(a, a.shape[1:], f"input '{name}'") for name, a in arrays.items()}
        return cls(columns)

    def fit(self, inputs: Sequence[InputSpec]) -> Samples:
        """These samples for a model's inputs; arrays may leave out a batch axis of 1.

        Args:
            inputs: the model's inputs; where there is one, the array may have any name.

        Raises:
            McuqError: O006 where names or shapes do not fit.
        """
        columns = dict(self._columns)
        if len(inputs) == len(columns) == 1:
            columns = {inputs[0].name: next(iter(columns.values()))}
        _check_names("the arrays", inputs, columns)
        return Samples({spec.name: _fit_column(columns[spec.name], spec) for spec in inputs}, self._indices)

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs' names."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return len(self._indices)

    def shape(self, name: str) -> Shape:
        """The shape of one sample of an input."""
        return self._columns[name].shape

    def batches(self, size: int) -> Iterator[dict[str, Float32]]:
        """The samples in order, at most `size` at a time.

        Args:
            size: samples per batch, at least 1.

        Yields:
            Read-only float32 arrays `[k, *shape]` by input name, `k <= size`.

        Raises:
            McuqError: O004, O006, O007 or O008 for files that are checked when read.
        """
        assert size >= 1, size
        for start in range(0, len(self), size):
            indices = self._indices[start : start + size]
            batch = {name: column.read(indices) for name, column in self._columns.items()}
            for array in batch.values():
                array.flags.writeable = False
            yield batch

    def take(self, indices: Int64 | Sequence[int]) -> Samples:
        """Some of the samples, in the given order; nothing is read."""
        return Samples(self._columns, self._indices[np.asarray(indices, np.int64)])

    def array(self, name: str) -> Float32:
        """All samples of an input, read-only `[n, *shape]`."""
        values = self._columns[name].read(self._indices)
        values.flags.writeable = False
        return values


def read_samples(
    path: Path, inputs: Sequence[InputSpec], preprocessing: Preprocessing | None = None
) -> Samples:
    """Open sample data; values come later, a batch at a time.

    Args:
        path: a .npy file (one input), a .npz file (keys = input names, any key for one input), or a folder of
            .npy files or images in the order of their names, possibly in one folder per class.
        inputs: the model's inputs.
        preprocessing: how pixels become values; images need it.

    Returns:
        Samples of float32 arrays `[n, *shape]`.

    Raises:
        McuqError: O012 missing, O004 unreadable, O005 empty, O006 shape, O007 type, O008 not finite. Files in
            folders are checked when their samples are read.
    """
    assert inputs and all(spec.dtype is DType.FLOAT32 for spec in inputs)
    suffix = path.suffix.lower()
    if path.is_dir():
        samples = Samples({_only(path, inputs).name: _open_folder(path, _only(path, inputs), preprocessing)})
    elif not path.exists():
        raise missing(path)
    elif suffix == ".npy":
        spec = _only(path, inputs)
        samples = Samples({spec.name: _open_array(open_npy(path), spec, str(path))})
    elif suffix == ".npz":
        samples = _open_archive(path, inputs)
    else:
        raise corrupt(path, f"'{suffix}' is neither .npy nor .npz nor a folder")
    return samples


def _only(path: Path, inputs: Sequence[InputSpec]) -> InputSpec:
    """The model's one input."""
    if len(inputs) == 1:
        return inputs[0]
    names = ", ".join(f"'{spec.name}'" for spec in inputs)
    raise fail(
        "O006",
        f"the model takes {len(inputs)} inputs, the data has one",
        where=str(path),
        why=f"expected {names}, found one unnamed array or folder",
        fix="give an .npz file with one array per input, under the inputs' names",
    )


def _forms(spec: InputSpec) -> tuple[list[Shape], str]:
    """The shapes a sample may have, and how errors name those of an array."""
    forms = [spec.shape, spec.shape[1:]] if spec.shape[:1] == (1,) else [spec.shape]
    return forms, " or ".join(f"({', '.join(['n', *map(str, form)])})" for form in forms)


def _fit_column(column: Column, spec: InputSpec) -> Column:
    """The column with the input's shape."""
    forms, expected = _forms(spec)
    if column.shape not in forms:
        raise wrong_shape(f"input '{spec.name}'", (len(column), *column.shape), expected)
    if isinstance(column, ArrayColumn):
        return dataclasses.replace(column, shape=spec.shape)
    assert column.shape == spec.shape, column
    return column


def _open_array(source: ArrayFile | Array, spec: InputSpec, label: str) -> ArrayColumn:
    """Fit an array `[n, ...]` to an input and check its values."""
    _check_shape(source.shape, spec, label)
    column = ArrayColumn(source, spec.shape, label)
    column.check()
    return column


def _check_shape(shape: Shape, spec: InputSpec, label: str) -> None:
    """Refuse an array that does not hold samples of an input."""
    forms, expected = _forms(spec)
    if shape[1:] not in forms or not shape:
        raise wrong_shape(f"{label}, input '{spec.name}'", shape, expected)
    if not shape[0]:
        raise _empty(label)


def _open_archive(path: Path, inputs: Sequence[InputSpec]) -> Samples:
    """Samples of a .npz file."""
    archive = Npz(path)
    if not archive.keys:
        raise _empty(str(path))
    keys = {key: key for key in archive.keys}
    if len(inputs) == len(keys) == 1:
        keys = {inputs[0].name: archive.keys[0]}
    _check_names(str(path), inputs, keys)
    for spec in inputs:  # all of them before values are read
        _check_shape(archive.header(keys[spec.name]).shape, spec, f"{path}, array '{spec.name}'")
    columns = {
        s.name: _open_array(archive.read(keys[s.name]), s, f"{path}, array '{s.name}'") for s in inputs
    }
    _check_counts(str(path), columns)
    return Samples(columns)


def _check_names(where: str, inputs: Sequence[InputSpec], arrays: Mapping[str, object]) -> None:
    """Refuse data without an array for every input."""
    absent = [spec.name for spec in inputs if spec.name not in arrays]
    if absent:
        raise fail(
            "O006",
            f"the data lacks {len(absent)} of the model's {len(inputs)} inputs",
            where=where,
            why=f"expected {[spec.name for spec in inputs]}, found {list(arrays)}",
            fix="name the arrays after the model's inputs",
        )


def _check_counts(where: str, columns: Mapping[str, ArrayColumn]) -> None:
    """Refuse inputs with different numbers of samples."""
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise fail(
            "O006",
            "the inputs have different numbers of samples",
            where=where,
            why=", ".join(f"'{name}' has {count}" for name, count in counts.items()),
            fix="give as many samples of each input",
        )


def _open_folder(path: Path, spec: InputSpec, preprocessing: Preprocessing | None) -> Column:
    """Samples of a folder of .npy files or of images."""
    paths = [file.path for file in list_files(path)]
    if not paths:
        raise _empty(str(path))
    arrays = [file.suffix.lower() == ".npy" for file in paths]
    if all(arrays):
        return NpyFolderColumn(tuple(paths), spec.shape)
    if any(arrays):
        odd = paths[arrays.index(False)]
        raise corrupt(odd, f"the folder '{path}' mixes .npy files with others")
    return ImageColumn.open(tuple(paths), spec.shape, preprocessing or Preprocessing())


def _empty(where: str) -> Exception:
    """O005 for data without a sample."""
    return fail(
        "O005",
        "the input data is empty",
        where=where,
        why="found 0 samples, expected at least 1",
        fix="give at least one sample, 100 to 200 for calibration",
    )
