"""TOML files below `targets/`, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcuq.errors import McuqError, fail
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_toml


def damaged(path: Path, why: str) -> McuqError:
    """T005: a file of targets that cannot be used, and why."""
    return fail(
        "T005",
        f"the target file '{path.name}' is not valid",
        where=str(path),
        why=why,
        fix="mend the file, or reinstall mcuq",
    )


class TargetTable:
    """A TOML table of which every key has to be taken exactly once.

    Args:
        path: its file, for messages.
        values: its keys.
    """

    def __init__(self, path: Path, values: Mapping[str, object]) -> None:
        """Keep what is there."""
        self._path = path
        self._left = dict(values)

    @classmethod
    def read(cls, path: Path) -> TargetTable:
        """The table of a whole file; O012 where it cannot be read, T005 where it is no TOML."""
        try:
            return cls(path, parse_toml(read_file(path)))
        except ValueError as error:
            raise damaged(path, str(error)) from error

    def has(self, key: str) -> bool:
        """Whether the key is there and has not been taken."""
        return key in self._left

    def text(self, key: str) -> str:
        """A text that is not empty; T005 otherwise."""
        value = self._take(key)
        if not isinstance(value, str) or not value:
            raise damaged(self._path, f"'{key}' has to be a text")
        return value

    def number(self, key: str) -> int:
        """A whole number of at least 0; T005 otherwise."""
        value = self._take(key)
        if type(value) is not int or value < 0:
            raise damaged(self._path, f"'{key}' has to be a whole number")
        return value

    def flag(self, key: str) -> bool:
        """Whether, by that key.

        Raises:
            McuqError: T005 unless it is there and true or false.
        """
        value = self._take(key)
        if not isinstance(value, bool):
            raise damaged(self._path, f"'{key}' has to be true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; T005 otherwise."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise damaged(self._path, f"'{key}' has to be a list of texts")
        return tuple(value)

    def table(self, key: str) -> TargetTable:
        """A table within; T005 otherwise."""
        value = self._take(key)
        if not isinstance(value, dict):
            raise damaged(self._path, f"'{key}' has to be a table")
        return TargetTable(self._path, value)

    def tables(self, key: str) -> list[TargetTable]:
        """A list of tables, empty where the key is missing; T005 otherwise."""
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise damaged(self._path, f"'{key}' has to be a list of tables")
        return [TargetTable(self._path, each) for each in value]

    def close(self) -> None:
        """Check that every key was taken; T005 otherwise."""
        if self._left:
            raise damaged(self._path, "unknown keys: " + ", ".join(sorted(self._left)))

    def _take(self, key: str) -> object:
        if key not in self._left:
            raise damaged(self._path, f"'{key}' is missing")
        return self._left.pop(key)
