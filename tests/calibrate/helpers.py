"""Things several tests of this folder need."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from mcuq.calibrate.store import TensorStore
from mcuq.errors import McuqError


def store_of(*arrays: object) -> TensorStore:
    store = TensorStore()
    for array in arrays:
        store.update(np.asarray(array, np.float32))
    return store


def refusal(code: str, call: Callable[[], object]) -> str:
    """The text of the refusal a call must end in: four lines, with the code."""
    with pytest.raises(McuqError) as caught:
        call()
    text = str(caught.value)
    assert [problem.code for problem in caught.value.problems] == [code], text
    form = rf"error\[{code}\]: [^A-Z].*[^.]\n  where: .+\n  why:   .+\n  fix:   .+"
    assert re.fullmatch(form, text), text
    return text
