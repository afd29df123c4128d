"""Graphs that failed once, each as small as it could be made.

Seeds mean other graphs when the generator changes, so every case builds its model by hand.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.random_graphs.generate import Recipe

CASES: tuple[Callable[[], Recipe], ...] = ()
