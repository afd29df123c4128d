"""Readers of every operator of TensorFlow Lite: those of the files of this room, found by being there."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import mcuq.ops.tflite
from mcuq.ops.tflite.unread import TFLITE_UNREAD
from mcuq.tflite.reader import TfliteReaders


@functools.cache
def tflite_readers() -> TfliteReaders:
    """Readers by the schema's names."""
    room = mcuq.ops.tflite
    names = sorted(each.name for each in pkgutil.iter_modules(room.__path__))
    modules = [importlib.import_module(f"{room.__name__}.{name}") for name in names]
    return TfliteReaders(
        (each for module in modules for each in getattr(module, "FAMILY", ())), TFLITE_UNREAD
    )
