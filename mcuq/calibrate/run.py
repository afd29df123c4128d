"""Running the float model in onnxruntime: filling the stores, and its outputs for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.session import Session, open_session
from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError, Problem, fail
from mcuq.ir.types import Array, Float32

Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

MAX_NONFINITE_RATE = 0.001


def collect(
    model: bytes,
    input_names: Sequence[str],
    samples: Samples,
    tensor_names: Sequence[str],
    batch: int = 1,
    progress: Progress | None = None,
) -> dict[str, TensorStore]:
    """Run all samples and count the values of tensors, never holding more than one batch of them.

    Args:
        model: a serialized ONNX model whose outputs include `tensor_names` (inputs may be among them too).
        input_names: the model's inputs, each one of the samples'.
        samples: `[n, *shape]` per input.
        tensor_names: what to count.
        batch: samples per run; 1 unless every input's first axis is free.
        progress: called after each batch.

    Returns:
        A store per tensor name, in the given order.

    Raises:
        McuqError: M002 when onnxruntime refuses the model; I001 when it fails to run it or a tensor is not an
            output; Q001 for tensors of which more than 0.1 % are NaN or infinite.
    """
    session = _open_session(model, is_optimized=False)
    from_inputs = [name for name in tensor_names if name in input_names]
    from_model = [name for name in tensor_names if name not in input_names]
    stores = {name: TensorStore() for name in tensor_names}
    for feeds, outputs in _run_batches(session, input_names, samples, from_model, batch, progress):
        for name, values in zip(from_model, outputs, strict=True):
            stores[name].update_samples(values.reshape(len(feeds[input_names[0]]), -1))
        for name in from_inputs:
            stores[name].update_samples(feeds[name])
    _check_finite(stores)
    return stores


def stream(
    model: bytes, samples: Samples, tensor_names: Sequence[str], progress: Progress | None = None
) -> Iterator[dict[str, Float32]]:
    """Values of tensors, sample by sample, without graph optimizations.

    Args:
        model: a serialized ONNX model whose outputs include `tensor_names`.
        samples: `[n, *shape]` per input.
        tensor_names: what to yield.
        progress: called after each sample.

    Yields:
        `[1, *shape]` by name, in the order of the samples.

    Raises:
        McuqError: M002 when onnxruntime refuses the model; I001 when it fails to run it.
    """
    session = _open_session(model, is_optimized=False)
    for _, outputs in _run_batches(session, samples.names, samples, tensor_names, 1, progress):
        yield {name: values[None] for name, values in zip(tensor_names, outputs, strict=True)}


def run_float(
    model: bytes,
    samples: Samples,
    output_names: Sequence[str],
    batch: int = 1,
    progress: Progress | None = None,
) -> dict[str, Float32]:
    """The float model's outputs, with onnxruntime's default optimizations.

    Args:
        model: a serialized ONNX model.
        samples: `[n, *shape]` per input.
        output_names: which of its outputs.
        batch: samples per run; 1 unless every input's first axis is free.
        progress: called after each batch.

    Returns:
        `[n, *output shape]` by name, the output's own batch axis included.

    Raises:
        McuqError: M002 when onnxruntime refuses the model; I001 when it fails to run it.
    """
    session = _open_session(model, is_optimized=True)
    parts: dict[str, list[Array]] = {name: [] for name in output_names}
    for feeds, outputs in _run_batches(session, samples.names, samples, output_names, batch, progress):
        count = len(next(iter(feeds.values())))
        for name, values in zip(output_names, outputs, strict=True):
            shape = values.shape if count == 1 else (1, *values.shape[1:])
            parts[name].append(values.reshape(count, *shape))
    return {name: np.concatenate(arrays).astype(np.float32, copy=False) for name, arrays in parts.items()}


def _open_session(model: bytes, is_optimized: bool) -> Session:
    """A single-threaded session of the float model."""
    try:
        return open_session(model, is_optimized=is_optimized)
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise fail(
            "M002",
            "onnxruntime refuses the model",
            where="the float model",
            why=_message(error),
            fix="check it with onnx.checker.check_model(model, full_check=True)",
        ) from error


def _run_batches(
    session: Session,
    input_names: Sequence[str],
    samples: Samples,
    output_names: Sequence[str],
    batch: int,
    progress: Progress | None,
) -> Iterator[tuple[dict[str, Float32], list[Array]]]:
    """Feeds `[k, *shape]` and outputs of one run after another."""
    known = {info.name for info in session.get_outputs()}
    absent = [name for name in output_names if name not in known]
    if absent:
        raise _cannot_run(f"the serialized model does not return {absent}")
    size = batch if batch > 1 and _is_batchable(session, samples) else 1
    done = 0
    for arrays in samples.batches(size):
        feeds = {name: arrays[name] for name in input_names}
        count = len(next(iter(feeds.values())))
        run_feeds = {
            name: np.asarray(array[0]) if count == 1 else array.reshape(count, *array.shape[2:])
            for name, array in feeds.items()
        }
        try:
            outputs = session.run(list(output_names), run_feeds) if output_names else []
        except Exception as error:
            raise _cannot_run(f"sample {done}: {_message(error)}") from error
        done += count
        yield feeds, outputs
        if progress is not None:
            progress(done, len(samples))


def _is_batchable(session: Session, samples: Samples) -> bool:
    """Whether every input has a free first axis where the samples have 1."""
    return all(
        info.shape and not isinstance(info.shape[0], int) and samples.shape(info.name)[:1] == (1,)
        for info in session.get_inputs()
    )


def _check_finite(stores: Mapping[str, TensorStore]) -> None:
    """Refuse tensors of which too much is not finite, all of them at once."""
    problems = [
        Problem(
            "Q001",
            f"tensor '{name}' is not finite",
            f"the float model, tensor '{name}'",
            f"{store.nans} NaN and {store.infs} infinite values, {store.nonfinite_rate:.2%} of all, "
            f"limit {MAX_NONFINITE_RATE:.1%}",
            "check the samples' preprocessing and the layer that computes the tensor",
        )
        for name, store in stores.items()
        if store.nonfinite_rate > MAX_NONFINITE_RATE
    ]
    if problems:
        raise McuqError(problems)


def _cannot_run(why: str) -> McuqError:
    """I001: the checks before should have caught this."""
    return fail(
        "I001",
        "onnxruntime cannot run the float model",
        where="the float model",
        why=why,
        fix="please report it, with the model if you can",
    )


def _message(error: Exception) -> str:
    """An onnxruntime message on one line."""
    return " ".join(str(error).split())
