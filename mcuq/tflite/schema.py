"""The package of the file format's schema, loaded when the first file is read."""

from __future__ import annotations

import functools
import importlib
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

# A table of a file, and the module of all tables: the package has no types, so one name stands for it here.
SchemaTable: TypeAlias = Any
# What the accessors of the schema raise for offsets and counts that lie outside of the file, or mean nothing.
SCHEMA_ERRORS = (struct.error, ValueError, TypeError, IndexError, OverflowError)


@functools.cache
def schema() -> SchemaTable:
    """The generated classes, by their names."""
    return importlib.import_module("tflite")


@functools.cache
def enum_names(enum: str) -> Mapping[int, str]:
    """The names of an enumeration of the schema, by value."""
    members = vars(getattr(schema(), enum)).items()
    return MappingProxyType({value: name for name, value in members if isinstance(value, int)})
