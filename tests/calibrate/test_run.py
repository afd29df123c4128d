import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import onnx.helper as oh
import pytest

from mcuq.calibrate.data import InputSpec, Samples, read_samples
from mcuq.calibrate.run import collect, run_float
from mcuq.calibrate.store import TensorStore
from mcuq.errors import Exit, McuqError
from mcuq.ir.types import Float32

from .helpers import refusal

FLOAT = onnx.TensorProto.FLOAT


def model_bytes(
    nodes: list[onnx.NodeProto], outputs: list[str], shape: tuple[int | str, ...] = (1, 4)
) -> bytes:
    graph = oh.make_graph(
        nodes,
        "g",
        [oh.make_tensor_value_info("x", FLOAT, shape)],
        [oh.make_tensor_value_info(name, FLOAT, None) for name in outputs],
    )
    model = oh.make_model(graph, opset_imports=[oh.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def relu_model(batch: int | str = 1) -> bytes:
    nodes = [oh.make_node("Neg", ["x"], ["n"]), oh.make_node("Relu", ["n"], ["y"])]
    return model_bytes(nodes, ["n", "y"], (batch, 4))


VALUES = np.random.default_rng(0).standard_normal((7, 1, 4)).astype(np.float32)
SAMPLES = Samples.from_arrays({"x": VALUES})


def samples_store(values: Float32) -> TensorStore:
    store = TensorStore()
    store.update_samples(values)
    return store


@pytest.mark.parametrize("axis", [1, "n"])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_collect_fills_a_store_per_tensor(axis: int | str, batch: int) -> None:
    seen: list[tuple[int, int]] = []
    stores = collect(
        relu_model(axis),
        SAMPLES,
        ["y", "x", "n"],
        batch,
        lambda done, total: seen.append((done, total)),
    )
    assert list(stores) == ["y", "x", "n"]
    assert stores["x"] == samples_store(VALUES)
    assert stores["n"] == samples_store(-VALUES)
    assert stores["y"] == samples_store(np.maximum(-VALUES, 0))
    expected = {1: list(range(1, 8)), 3: [3, 6, 7], 100: [7]}[batch if axis == "n" else 1]
    assert seen == [(done, 7) for done in expected]


def test_collect_of_the_inputs_alone() -> None:
    assert collect(relu_model(), SAMPLES, ["x"]) == {"x": samples_store(VALUES)}


@pytest.mark.parametrize("batch", [1, 3])
def test_run_float_stacks_samples(batch: int) -> None:
    for axis in (1, "n"):
        outputs = run_float(relu_model(axis), SAMPLES, ["y"], batch)
        assert list(outputs) == ["y"]
        assert np.array_equal(outputs["y"], np.maximum(-VALUES, 0))


def test_run_float_of_a_model_without_batch_axis() -> None:
    model = model_bytes([oh.make_node("ReduceMax", ["x"], ["y"], keepdims=0)], ["y"], (4,))
    samples = Samples.from_arrays({"x": VALUES[:, 0]})
    assert np.array_equal(run_float(model, samples, ["y"])["y"], VALUES[:, 0].max(axis=1))


def test_models_onnxruntime_refuses() -> None:
    text = refusal("M002", lambda: collect(b"not a model", SAMPLES, ["x"]))
    assert "protobuf" in text.lower()
    bad = model_bytes([oh.make_node("NoSuchOp", ["x"], ["y"])], ["y"])
    assert "NoSuchOp" in refusal("M002", lambda: run_float(bad, SAMPLES, ["y"]))


def test_a_run_that_fails_is_internal(capfd: pytest.CaptureFixture[str]) -> None:
    samples = Samples.from_arrays({"x": np.zeros((2, 1, 5), np.float32)})
    with pytest.raises(McuqError) as caught:
        collect(relu_model(), samples, ["y"])
    assert caught.value.exit_code is Exit.INTERNAL
    assert "sample 0" in str(caught.value)
    assert "['z']" in refusal("I001", lambda: collect(relu_model(), SAMPLES, ["z"]))
    assert capfd.readouterr() == ("", "")


def test_activations_that_are_not_finite_are_named_together() -> None:
    nodes = [oh.make_node("Log", ["x"], ["n"]), oh.make_node("Neg", ["n"], ["y"])]
    with pytest.raises(McuqError) as caught:
        collect(model_bytes(nodes, ["n", "y"]), SAMPLES, ["x", "n", "y"])
    assert [p.code for p in caught.value.problems] == ["Q001", "Q001"]
    assert "tensor 'n'" in str(caught.value)
    assert "limit 0.1%" in str(caught.value)


def test_a_rare_infinity_is_dropped() -> None:
    values = np.ones((500, 1, 4), np.float32)
    values[17, 0, 2] = 0
    model = model_bytes([oh.make_node("Reciprocal", ["x"], ["y"])], ["y"])
    store = collect(model, Samples.from_arrays({"x": values}), ["y"])["y"]
    assert (store.infs, store.count, store.hi) == (1, 1999, 1.0)


def test_ten_times_the_samples_need_no_more_memory(tmp_path: Path) -> None:
    shape = (1, 25_000)
    model = model_bytes([oh.make_node("Relu", ["x"], ["y"])], ["y"], shape)
    peaks = []
    for count in (20, 200):
        path = tmp_path / f"{count}.npy"
        np.save(path, np.random.default_rng(0).random((count, 25_000), np.float32))
        tracemalloc.start()
        samples = read_samples(path, [InputSpec("x", shape)])
        assert collect(model, samples, ["x", "y"])["y"].count == count * 25_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
