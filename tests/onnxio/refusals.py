"""What tests of refusals share."""

import re
from pathlib import Path

import onnx
import pytest
from small_models import save

from mcuq.errors import McuqError, Problem
from mcuq.frontend import read

FORM = re.compile(
    r"error\[[A-Z]\d{3}\]: [^A-Z\n][^\n]*[^.\n]\n  where: [^\n]+\n  why:   [^\n]+\n  fix:   [^\n]+"
)


def refusals(model: onnx.ModelProto | bytes | Path, folder: Path) -> tuple[Problem, ...]:
    """All problems that reading must end in; each one is four lines in the project's tone."""
    path = model
    if isinstance(model, onnx.ModelProto):
        path = save(model, folder)
    elif isinstance(model, bytes):
        path = folder / "net.onnx"
        path.write_bytes(model)
    with pytest.raises(McuqError) as caught:
        read(path)
    for problem in caught.value.problems:
        assert FORM.fullmatch(str(problem)), str(problem)
    return caught.value.problems


def refusal(model: onnx.ModelProto | bytes | Path, folder: Path, code: str) -> Problem:
    """The only problem that reading must end in."""
    problems = refusals(model, folder)
    assert [problem.code for problem in problems] == [code], "\n".join(map(str, problems))
    return problems[0]
