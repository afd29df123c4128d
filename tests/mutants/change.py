"""One small change of a file, as a mutant is."""

from __future__ import annotations

import dataclasses


class Stale(AssertionError):
    """A mutant whose place is not, or not only, there."""


@dataclasses.dataclass(frozen=True)
class Change:
    """Puts one text in another's place.

    Args:
        file: a header of kernels, or a module as a path from the root.
        text: "found => put", or "anchor ~~ found => put" for the first one behind an anchor.
        equivalent: why nobody can notice it, for those that nobody can.
    """

    file: str
    text: str
    equivalent: str = ""

    def __str__(self):
        return f"{self.file}: {self.text}"

    def apply(self, source: str) -> str:
        """The source with the change.

        Raises:
            Stale: where the anchor, or without one what is replaced, does not occur exactly once.
        """
        place, put = self.text.split(" => ")
        anchor, _, found = place.rpartition(" ~~ ")
        unique = anchor or found
        if source.count(unique) != 1:
            raise Stale(f"{self}: {unique!r} occurs {source.count(unique)} times, not once")
        before, behind = ("", source) if not anchor else source.split(anchor)
        if found not in behind:
            raise Stale(f"{self}: {found!r} does not follow {anchor!r}")
        changed = behind.replace(found, put, 1)
        assert changed != behind, f"{self} changes nothing"
        return f"{before}{anchor}{changed}"


@dataclasses.dataclass(frozen=True)
class Fate:
    """What became of a mutant: by what it was noticed, or nothing."""

    change: Change
    noticed: str | None


def changes(table: dict[str, tuple[str, ...]], equivalent: dict[str, dict[str, str]]) -> list[Change]:
    """Tables by file: changes that are noticed, and others with the reason why not."""
    found = [Change(file, text) for file, texts in table.items() for text in texts]
    return found + [Change(f, text, why) for f, each in equivalent.items() for text, why in each.items()]
