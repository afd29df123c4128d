"""What went wrong, where, why and how to mend it: every refusal of mcuq is one of these."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


class Exit(enum.IntEnum):
    """Exit codes of the command line."""

    OK = 0
    MODEL = 1
    USAGE = 2
    DOES_NOT_FIT = 3
    NOT_BIT_EXACT = 4
    INTERNAL = 70


# Every code is listed here once, with its exit code and what it stands for. M model, Q quantization,
# T target and memory, O options and inputs, V verification, I internal.
CODES: dict[str, tuple[Exit, str]] = {
    "M001": (Exit.MODEL, "the file is not a readable model"),
    "M002": (Exit.MODEL, "the model breaks the standard of its format"),
    "M003": (Exit.MODEL, "an operator is not supported"),
    "M004": (Exit.MODEL, "an operator is used in a form that is not supported"),
    "M005": (Exit.MODEL, "a weight or constant is not finite"),
    "M006": (Exit.MODEL, "a shape is not static or does not fit its operator"),
    "M007": (Exit.MODEL, "the graph is not a sound dataflow graph"),
    "M008": (Exit.MODEL, "external data is missing or outside the model's folder"),
    "M009": (Exit.MODEL, "the stored Program is damaged or of another format"),
    "M011": (Exit.MODEL, "a tensor is absurdly large"),
    "M012": (Exit.MODEL, "a layer cannot run on a stream"),
    "Q001": (Exit.MODEL, "a float value in the network is not finite"),
    "Q002": (Exit.MODEL, "an accumulator can overflow"),
    "Q003": (Exit.MODEL, "a scale or its multiplier is out of range"),
    "Q004": (Exit.MODEL, "a softmax row is too long for its integer sum"),
    "Q005": (Exit.MODEL, "an imported quantization parameter means nothing"),
    "Q006": (Exit.MODEL, "imported quantization parameters contradict each other"),
    "Q007": (Exit.MODEL, "imported quantization leaves tensors open"),
    "Q008": (Exit.USAGE, "the encodings cannot be read"),
    "Q009": (Exit.USAGE, "the encodings belong to another model"),
    "Q010": (Exit.USAGE, "an encoding has a form that is not supported"),
    "Q011": (Exit.MODEL, "a layer has no form in the format that is exported"),
    "Q012": (Exit.MODEL, "an operator has no integer form for the types of its tensors"),
    "T001": (Exit.DOES_NOT_FIT, "the model does not fit the target's memory"),
    "T002": (Exit.USAGE, "a tool that the request needs is not installed"),
    "T003": (Exit.USAGE, "a compiler refused the generated code"),
    "T004": (Exit.MODEL, "no kernel of the target accepts a step"),
    "T005": (Exit.USAGE, "a file of a core or a board is not valid"),
    "T006": (Exit.DOES_NOT_FIT, "no build that was found keeps to the limits"),
    "T007": (Exit.DOES_NOT_FIT, "a build exceeds its budget"),
    "T008": (Exit.USAGE, "a budget cannot be checked on this target"),
    "O001": (Exit.USAGE, "an option has no such value"),
    "O002": (Exit.USAGE, "the target is unknown"),
    "O003": (Exit.USAGE, "the name is not a C identifier"),
    "O004": (Exit.USAGE, "input data cannot be read"),
    "O005": (Exit.USAGE, "input data is empty"),
    "O006": (Exit.USAGE, "input data has another shape than the model takes"),
    "O007": (Exit.USAGE, "input data has another type than the model takes"),
    "O008": (Exit.USAGE, "input data holds NaN or infinity"),
    "O009": (Exit.USAGE, "labels do not match the samples"),
    "O010": (Exit.USAGE, "the output path holds something that is not mcuq's"),
    "O011": (Exit.USAGE, "the path is not a firmware directory of mcuq"),
    "O012": (Exit.USAGE, "a file does not exist or cannot be read"),
    "O013": (Exit.USAGE, "two options contradict each other"),
    "O014": (Exit.USAGE, "a path that should be a file is a pipe, a device, a socket or a folder"),
    "O015": (Exit.USAGE, "a file is absurdly large"),
    "O016": (Exit.USAGE, "the current folder does not exist any more"),
    "O017": (Exit.USAGE, "a file nests absurdly deeply or holds a number beyond any type"),
    "O018": (Exit.USAGE, "another process is writing the same output"),
    "O019": (Exit.USAGE, "an input and an output cannot become state"),
    "O020": (Exit.USAGE, "a board has no such flash mode, or a core none"),
    "O021": (Exit.USAGE, "the cluster cannot evaluate builds"),
    "O022": (Exit.USAGE, "the log of a device cannot be compared"),
    "O025": (Exit.USAGE, "a placement names what its board has not"),
    "O029": (Exit.USAGE, "CMSIS-NN is not where it should be, or of another version"),
    "V001": (Exit.NOT_BIT_EXACT, "the firmware computes something else than the simulator"),
    "V002": (Exit.NOT_BIT_EXACT, "the build differs from its lock"),
    "V003": (Exit.NOT_BIT_EXACT, "the firmware crashed or ran too long"),
    "V004": (Exit.NOT_BIT_EXACT, "the C of a firmware directory is not what mcuq wrote"),
    "V005": (Exit.NOT_BIT_EXACT, "a device computes something else than the simulator"),
    "I001": (Exit.INTERNAL, "an invariant of mcuq itself is broken"),
}

_MAX_CHARACTERS = 4000


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal.

    Args:
        code: a key of `CODES`.
        title: what is wrong, lower case, no final period.
        where: the file, node, tensor or option.
        why: found and expected values.
        fix: what the user can do.
    """

    code: str
    title: str
    where: str
    why: str
    fix: str

    def __post_init__(self) -> None:
        """Refuse codes that are not listed; shorten what a hostile file made long."""
        assert self.code in CODES, self.code
        for name in ("title", "where", "why", "fix"):
            text = getattr(self, name)
            if len(text) > _MAX_CHARACTERS:
                half = _MAX_CHARACTERS // 2
                object.__setattr__(self, name, f"{text[:half]} ... {text[-half:]}")

    def __str__(self) -> str:
        """The four lines a user reads.

        >>> print(Problem("O002", "unknown target 'm99'", "--target", "known: host", "name one of these"))
        error[O002]: unknown target 'm99'
          where: --target
          why:   known: host
          fix:   name one of these
        """
        return (
            f"error[{self.code}]: {self.title}\n"
            f"  where: {self.where}\n  why:   {self.why}\n  fix:   {self.fix}"
        )


class McuqError(Exception):
    """A refusal with all its reasons; `exit_code` is that of the gravest."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Take one problem or several (at least one)."""
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        assert self.problems
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[McuqError], tuple[tuple[Problem, ...]]]:
        """So that it comes whole out of another process."""
        return McuqError, (self.problems,)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the first problem."""
        return CODES[self.problems[0].code][0]


def fail(code: str, title: str, *, where: str, why: str, fix: str) -> McuqError:
    """Build the error for one problem; the caller raises it."""
    return McuqError(Problem(code, title, where, why, fix))


def all_of(reads: Iterable[Callable[[], _T]]) -> tuple[_T, ...]:
    """What every function returns; where some refuse, their problems together, each once.

    Args:
        reads: the functions, without arguments.

    Raises:
        McuqError: with the problems of all of them.
    """
    values: list[_T] = []
    problems: dict[Problem, None] = {}
    for read in reads:
        try:
            values.append(read())
        except McuqError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise McuqError(problems)
    return tuple(values)
