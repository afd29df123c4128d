"""Names of a model: each stands for one thing."""

from __future__ import annotations


class Names:
    """Gives out names that nothing else has."""

    def __init__(self) -> None:
        """Start with no name taken."""
        self._taken: set[str] = set()

    def claim(self, name: str) -> str:
        """The name itself if it is free, otherwise the first free `name [2]`, `name [3]`, ..."""
        candidate, number = name, 2
        while candidate in self._taken:
            candidate, number = f"{name} [{number}]", number + 1
        self._taken.add(candidate)
        return candidate
