"""How importers refuse a node: raise `Refused`; the reader collects all of them into one error."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.errors import McuqError, Problem

TITLES = {
    "M002": "breaks the ONNX standard",
    "M004": "is used in an unsupported form",
    "M005": "has a weight or constant that is not finite",
    "M006": "does not fit the shapes of its inputs",
    "M008": "has external data that cannot be read",
    "M011": "makes an absurdly large tensor",
}


class Refused(Exception):
    """A node cannot be imported.

    Args:
        code: a key of `TITLES`.
        why: found and expected values.
        fix: what the user can do.
    """

    def __init__(self, code: str, why: str, fix: str) -> None:
        """Keep the reason for the reader."""
        assert code in TITLES, code
        super().__init__(why)
        self.code, self.why, self.fix = code, why, fix


def unsupported(why: str, fix: str) -> Refused:
    """An operator in a form that is not supported, M004."""
    return Refused("M004", why, fix)


class Problems:
    """The problems of one file, in the order found, each once."""

    def __init__(self, file: str) -> None:
        """Start without problems."""
        self.file = file
        self._found: dict[Problem, None] = {}

    def add(self, code: str, title: str, where: str, why: str, fix: str) -> None:
        """Note one problem; `where` follows the file name."""
        place = f"{self.file}, {where}" if where else self.file
        self._found[Problem(code, title, place, why, fix)] = None

    def stop(self) -> None:
        """Raise what was found, if anything."""
        if self._found:
            raise McuqError(self._found)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names for a message, quoted.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(quoted(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def quoted(name: str, most: int = 120) -> str:
    r"""A name from the model for a message: on one line, printable, of limited length.

    >>> quoted("a\nb")
    "'a\\nb'"
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return f"'{text}'" if len(text) <= most else f"'{text[:most]}...'"
