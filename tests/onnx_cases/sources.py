"""ONNX's own test cases: one model each, its inputs and what it should give."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper, version_converter
from onnx.backend.test.case import node as cases

from mcuq.onnxio.load import OLDEST_OPSET

CONVERTED_OPSET = 13
# Models on disk inside the onnx package, besides the cases of single operators.
FOLDERS = ("pytorch-converted", "pytorch-operator", "simple")


@dataclasses.dataclass(frozen=True)
class Case:
    """One model with the values of its inputs and outputs.

    Args:
        name: as onnx names it.
        operator: what it tests: the one operator that is no Constant, or the name of the folder.
        model: as it is in the package.
        inputs: in the order of the model's inputs; None for what is no dense tensor.
        outputs: likewise.
    """

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: tuple[np.ndarray | None, ...]
    outputs: tuple[np.ndarray | None, ...]

    @property
    def is_float32(self) -> bool:
        """Whether some input is a float32 tensor, and none a list or a tensor of other floats."""
        types = [value.type for value in self.model.graph.input]
        kinds = {each.tensor_type.elem_type for each in types if each.HasField("tensor_type")}
        is_dense = all(each.HasField("tensor_type") for each in types)
        return is_dense and TensorProto.FLOAT in kinds and kinds <= {*_COMPANIONS, TensorProto.FLOAT}


# Types that stand beside float32 tensors as indices, sizes, conditions.
_COMPANIONS = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)


def all_cases() -> dict[str, Case]:
    """Every case by name: those of single operators, their expansions into functions, and those on disk."""
    found = {case.name: case for case in (*_of_operators(), *_on_disk())}
    return dict(sorted(found.items()))


def _of_operators() -> Iterator[Case]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases compute NaN and infinity on purpose
        for module in pkgutil.iter_modules(cases.__path__):
            importlib.import_module(f"{cases.__name__}.{module.name}")
    origin: dict[str, str] = {}
    for case in cases._NodeTestCases:
        types = {node.op_type for node in case.model.graph.node} - {"Constant"}
        named = case.name.removesuffix("_expanded")
        while named not in origin and named.rpartition("_expanded_")[0]:
            named = named.rpartition("_expanded_")[0]
        operator = origin.get(named, min(types, default="Constant"))
        origin[case.name] = operator
        inputs, outputs = case.data_sets[0]
        yield Case(case.name, operator, case.model, _dense(inputs), _dense(outputs))


def _on_disk() -> Iterator[Case]:
    root = Path(onnx.__file__).parent / "backend/test/data"
    for folder in FOLDERS:
        for path in sorted((root / folder).iterdir()):
            model = _upgraded(onnx.load(path / "model.onnx"))
            data = path / "test_data_set_0"
            inputs = _stored(data, "input", [value.type for value in model.graph.input])
            outputs = _stored(data, "output", [value.type for value in model.graph.output])
            yield Case(path.name, folder, model, inputs, outputs)


def _upgraded(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model of an opset before the oldest that is read, converted as its error says; others as they are."""
    versions = [entry.version for entry in model.opset_import if entry.domain == ""]
    if not versions or versions[0] >= OLDEST_OPSET:
        return model
    stored = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in stored]
    try:
        found = version_converter.convert_version(model, CONVERTED_OPSET)
    except Exception:  # raised from C++ with several types: operators that it cannot convert
        return model
    del found.graph.input[:]
    found.graph.input.extend(kept)
    return found


def _stored(folder: Path, role: str, types: Sequence[onnx.TypeProto]) -> tuple[np.ndarray | None, ...]:
    arrays: list[np.ndarray | None] = []
    for index, kind in enumerate(types):
        path = folder / f"{role}_{index}.pb"
        if not path.exists() or not kind.HasField("tensor_type"):
            arrays.append(None)
            continue
        arrays.append(numpy_helper.to_array(TensorProto.FromString(path.read_bytes())))
    return tuple(arrays)


def _dense(values: Sequence[object]) -> tuple[np.ndarray | None, ...]:
    arrays = (numpy_helper.to_array(v) if isinstance(v, TensorProto) else v for v in values)
    return tuple(np.asarray(v) if isinstance(v, np.ndarray | np.generic) else None for v in arrays)
