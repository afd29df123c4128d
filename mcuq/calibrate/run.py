"""Running the float model in onnxruntime: one open session, and whoever listens to its tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.session import Session, open_session
from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError, Problem, fail
from mcuq.ir.types import Array, Float32

Progress = Callable[[int, int], None]
"""Called with the number of samples done and their total."""

MAX_NONFINITE_RATE = 0.001


@dataclasses.dataclass(frozen=True, slots=True)
class Listener:
    """What wants to see tensors as the float model computes them.

    Args:
        tensors: what it wants, by name.
        take: called sample by sample, in order, with float32 `[1, *shape]` by name. Other tensors may be
            among them; arrays that are kept have to be copied.
        samples: indices of those it wants; None for all.
    """

    tensors: tuple[str, ...]
    take: Callable[[Mapping[str, Float32]], None]
    samples: Container[int] | None = None

    def wants(self, index: int) -> bool:
        """Whether it is to be called for a sample."""
        return self.samples is None or index in self.samples


class FloatSession:
    """A float model in a single-threaded session of onnxruntime that stays open for several runs.

    Args:
        model: a serialized ONNX model.
        is_optimized: onnxruntime's default optimizations, or none, so that intermediate tensors exist.

    Raises:
        McuqError: M002 when onnxruntime refuses the model.
    """

    __slots__ = ("_session",)

    def __init__(self, model: bytes, *, is_optimized: bool = False) -> None:
        self._session = _open_session(model, is_optimized)

    def batches(
        self,
        samples: Samples,
        output_names: Sequence[str],
        batch: int = 1,
        progress: Progress | None = None,
    ) -> Iterator[tuple[dict[str, Float32], dict[str, Array]]]:
        """Run samples, never holding more than one batch of them.

        Args:
            samples: `[n, *shape]` per input of the model.
            output_names: which of the model's outputs.
            batch: samples per run; 1 unless every input's first axis is free.
            progress: called after each batch.

        Yields:
            Inputs `[k, *shape]` and outputs by name, as onnxruntime takes and gives them: outputs of one
            sample have its own shape, those of several are joined along their first axis.

        Raises:
            McuqError: I001 when onnxruntime fails to run the model or it has no such output.
        """
        known = {info.name for info in self._session.get_outputs()}
        absent = [name for name in output_names if name not in known]
        if absent:
            raise _cannot_run(f"the serialized model does not return {absent}")
        size = batch if batch > 1 and _is_batchable(self._session, samples) else 1
        done = 0
        for feeds in samples.batches(size):
            count = len(next(iter(feeds.values())))
            run_feeds = {
                name: np.asarray(array[0]) if count == 1 else array.reshape(count, *array.shape[2:])
                for name, array in feeds.items()
            }
            outputs = self.run(run_feeds, output_names, done)
            done += count
            yield feeds, outputs
            if progress is not None:
                progress(done, len(samples))

    def run(self, feeds: Mapping[str, Array], output_names: Sequence[str], sample: int) -> dict[str, Array]:
        """Some outputs by name, as onnxruntime gives them.

        Args:
            feeds: the inputs, as onnxruntime takes them.
            output_names: which of the model's outputs.
            sample: its number, for messages.

        Raises:
            McuqError: I001 when onnxruntime fails to run the model.
        """
        try:
            outputs = self._session.run(list(output_names), dict(feeds)) if output_names else []
        except Exception as error:
            raise _cannot_run(f"sample {sample}: {_message(error)}") from error
        return dict(zip(output_names, outputs, strict=True))


class StoreCollector:
    """Fills a store for every tensor.

    Args:
        tensors: names of what to count.
    """

    __slots__ = ("_stores",)

    def __init__(self, tensors: Sequence[str]) -> None:
        """Start with empty stores."""
        self._stores = {name: TensorStore() for name in tensors}

    def take(self, values: Mapping[str, Array]) -> None:
        """Count the values of some samples, `[k, ...]` by name."""
        for name, store in self._stores.items():
            store.update_samples(values[name])

    def stores(self) -> dict[str, TensorStore]:
        """The stores by name, in the given order.

        Raises:
            McuqError: Q001 for tensors of which more than 0.1 % are NaN or infinite.
        """
        _check_finite(self._stores)
        return self._stores


def collect(
    model: bytes,
    samples: Samples,
    tensor_names: Sequence[str],
    batch: int = 1,
    progress: Progress | None = None,
) -> dict[str, TensorStore]:
    """Run all samples and count the values of tensors, never holding more than one batch of them.

    Args:
        model: a serialized ONNX model whose outputs include `tensor_names` (inputs may be among them too).
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
    counted = StoreCollector(tensor_names)
    inner = [name for name in tensor_names if name not in samples.names]
    for feeds, outputs in FloatSession(model).batches(samples, inner, batch, progress):
        count = len(next(iter(feeds.values())))
        counted.take({**feeds, **{name: y.reshape(count, -1) for name, y in outputs.items()}})
    return counted.stores()


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
    session = FloatSession(model, is_optimized=True)
    parts: dict[str, list[Array]] = {name: [] for name in output_names}
    for feeds, outputs in session.batches(samples, output_names, batch, progress):
        count = len(next(iter(feeds.values())))
        for name, values in outputs.items():
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
