"""Results of evaluations in a file, stored as they come, so that a stopped search goes on where it was."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcuq.errors import McuqError, fail
from mcuq.reading.text import parse_json
from mcuq.tune.figures import Figures

DATABASE = "results.sqlite"
_FORMAT = 1
_PATIENCE_S = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came of a candidate.

    Args:
        figures: None where it was refused.
        refusal: why, in one line.
    """

    figures: Figures | None
    refusal: str = ""

    def to_text(self) -> str:
        """One line of JSON."""
        figures = None if self.figures is None else self.figures.to_json()
        return json.dumps({"figures": figures, "refusal": self.refusal})

    @classmethod
    def from_text(cls, text: str) -> Answer:
        """The inverse of `to_text`.

        Raises:
            ValueError: where the text is none.
            LookupError, TypeError: where it says something else.
        """
        if not isinstance(text, str):  # the type of a column binds nobody
            raise TypeError(f"it is {type(text).__name__}")
        found: Any = parse_json(text)
        figures, refusal = found["figures"], found["refusal"]
        if not isinstance(figures, dict | None) or not isinstance(refusal, str):
            raise TypeError("it is no answer")
        return cls(None if figures is None else Figures.from_json(figures), refusal)


class Database:
    """Answers by study and candidate; several searches may share a file.

    Args:
        folder: in which the file is, or will be.

    Raises:
        McuqError: O012 where it cannot be read or written, O004 where it is something else.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE
        with self._refusing():
            self._connection = sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _FORMAT):
                raise sqlite3.DatabaseError(f"format {version}, expected {_FORMAT}")
            self._connection.execute(f"PRAGMA user_version = {_FORMAT}")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS answers"
                " (study TEXT, candidate TEXT, answer TEXT NOT NULL, PRIMARY KEY (study, candidate))"
            )

    def get(self, study: str, candidate: str) -> Answer | None:
        """What came of a candidate, None where that is not known."""
        with self._refusing():
            row = self._connection.execute(
                "SELECT answer FROM answers WHERE study = ? AND candidate = ?", (study, candidate)
            ).fetchone()
            return None if row is None else Answer.from_text(row[0])

    def put(self, study: str, candidate: str, answer: Answer) -> None:
        """Store an answer, for good when this returns."""
        with self._refusing():
            self._connection.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (study, candidate, answer.to_text())
            )

    def __enter__(self) -> Database:
        """It is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise self._refused("O012", "the results cannot be read or written", error) from error
        except (sqlite3.DatabaseError, ValueError, LookupError, TypeError) as error:
            raise self._refused("O004", "the results cannot be understood", error) from error

    def _refused(self, code: str, title: str, error: Exception) -> McuqError:
        return fail(
            code,
            title,
            where=str(self._path),
            why=f"{type(error).__name__}: {' '.join(str(error).split())}",
            fix="choose another --output, or remove this file and search again",
        )
