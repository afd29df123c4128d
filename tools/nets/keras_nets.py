"""Keras networks, by the exporter that its torch backend has."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nets.subject import Subject

os.environ["KERAS_BACKEND"] = "torch"
import keras
from keras import layers


def image_cnn() -> keras.Model:
    """Convolutions, pools, normalizations, a dense layer."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def strided_cnn() -> keras.Model:
    """Strides with padding "same", depthwise layers, ReLU6."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 127.5, offset=-1.0),
            layers.Conv2D(8, 3, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
            layers.DepthwiseConv2D(3, strides=2, padding="same"),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2D(16, 1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )


def dense_autoencoder() -> keras.Model:
    """Dense layers with batch normalization behind each."""
    inner = [
        layer
        for width in (32, 8, 32)
        for layer in (layers.Dense(width), layers.BatchNormalization(), layers.ReLU())
    ]
    return keras.Sequential([keras.Input((64,)), *inner, layers.Dense(64)])


def time_cnn() -> keras.Model:
    """Convolutions over time."""
    return keras.Sequential(
        [
            keras.Input((64, 3)),
            layers.Conv1D(8, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(),
            layers.Conv1D(16, 3, padding="causal", dilation_rate=2, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(4, activation="sigmoid"),
        ]
    )


NETS: tuple[Callable[[], keras.Model], ...] = (image_cnn, strided_cnn, dense_autoencoder, time_cnn)


def samples(shape: tuple[int, ...], seed: int, is_image: bool) -> NDArray[np.float32]:
    """Walks along the axes; images in 0 to 255."""
    x = np.random.default_rng(seed).normal(size=(64, 1, *shape))
    for axis in range(2, x.ndim - 1):
        x = np.cumsum(x, axis) / np.sqrt(x.shape[axis])
    return (np.clip(128 + 40 * x, 0, 255) if is_image else x).astype(np.float32)


def subjects(folder: Path, only: Sequence[str]) -> Iterator[Subject]:
    """Every network with statistics of its data."""
    for make in NETS:
        if only and make.__name__ not in only:
            continue
        keras.utils.set_random_seed(0)
        model = make()
        shape, is_image = model.input_shape[1:], make is strided_cnn
        for seed in range(60):
            model(samples(shape, 100 + seed, is_image)[:, 0], training=True)
        path = folder / f"{make.__name__}.onnx"
        signature = [keras.InputSpec(shape=(1, *shape), dtype="float32", name="x")]
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            model.export(path, format="onnx", input_signature=signature, verbose=False)
        data = [samples(shape, seed, is_image) for seed in (1, 2)]
        import onnx

        yield Subject(make.__name__, "Keras", path, onnx.load(path).graph.input[0].name, *data)
