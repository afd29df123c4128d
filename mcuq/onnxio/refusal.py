"""How importers refuse a node: raise `Refused`; the reader collects all of them into one error."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.errors import McuqError, Problem

TITLES = {
    "M002": "breaks the ONNX standard",
    "M004": "is used in an unsupported form",
    "M005": "has a weight or constant that is not finite",
    "M006": "does not fit the shapes of its inputs",
    "M011": "makes an absurdly large tensor",
    "Q005": "has a quantization parameter that means nothing",
    "Q006": "contradicts other quantization parameters",
}
TENSOR_TITLES = {
    "M002": "is damaged",
    "M004": "has a type that is not supported",
    "M005": "is not finite",
    "M008": "has external data that cannot be read",
    "M011": "is absurdly large",
}


class Refused(Exception):
    """A node cannot be imported.

    Args:
        code: a key of `TITLES`.
        why: found and expected values.
        fix: what the user can do.
        tensor: the stored tensor that is the reason, None where the node is.
    """

    def __init__(self, code: str, why: str, fix: str, tensor: str | None = None) -> None:
        """Keep the reason for the reader."""
        assert code in (TITLES if tensor is None else TENSOR_TITLES), code
        super().__init__(why)
        self.code, self.why, self.fix, self.tensor = code, why, fix, tensor


def unsupported(why: str, fix: str) -> Refused:
    """An operator in a form that is not supported, M004."""
    return Refused("M004", why, fix)


class Problems:
    """The problems of one file, in the order found, each once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[Problem, None] = {}

    def add(self, code: str, title: str, where: str, why: str, fix: str) -> None:
        """Note one problem; `where` follows the file name."""
        place = f"{self.file}, {where}" if where else self.file
        self._found[Problem(code, title, place, why, fix)] = None

    def add_refused(self, refused: Refused, op_type: str, where: str) -> None:
        """Note why a node, or a tensor it reads, was refused."""
        if refused.tensor is None:
            title = f"operator {quoted(op_type)} {TITLES[refused.code]}"
        else:
            title = f"tensor {quoted(refused.tensor)} {TENSOR_TITLES[refused.code]}"
            where = f"tensor {quoted(refused.tensor)} of {where}"
        self.add(refused.code, title, where, refused.why, refused.fix)

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self._found)

    @property
    def found(self) -> tuple[Problem, ...]:
        """All of them."""
        return tuple(self._found)

    def stop(self) -> None:
        """Raise what was found, if anything."""
        if self._found:
            raise McuqError(self._found)


def listed(names: Sequence[str], most: int = 40) -> str:
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
