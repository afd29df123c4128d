"""Which commands there are; the module of each is imported when the command runs, not for a list of them."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclasses.dataclass(frozen=True, slots=True)
class ListedCommand:
    """One command.

    Args:
        module: below `mcuq.cli`; its function is `<name>_command`.
        summary: the first line of that function's docstring.
    """

    module: str
    summary: str


COMMANDS: Mapping[str, ListedCommand] = {
    "build": ListedCommand(
        "build", "Compile a model to a firmware folder, proven against the simulator before it is written."
    ),
    "inspect": ListedCommand(
        "inspect", "Say whether a model can be built, what is missing, and what it would cost; without data."
    ),
    "calibrate": ListedCommand(
        "calibrate", "Measure the range of every activation and store it for `mcuq build --ranges`."
    ),
    "analyze": ListedCommand(
        "analyze", "Measure what quantization costs in every layer, why, and what to do about it."
    ),
    "tune": ListedCommand(
        "tune",
        "Search for settings of single tensors and layers that trade flash, RAM and cycles for accuracy.",
    ),
    "verify": ListedCommand(
        "verify",
        "Compare every value of every step of the firmware with the simulator; images as in the build.",
    ),
    "simulate": ListedCommand(
        "simulate",
        "Compute in Python what the firmware computes: outputs/NAME (float32) and codes/NAME (int8).",
    ),
    "evaluate": ListedCommand(
        "evaluate",
        "Measure the int8 firmware's quality beside the float model's; images as in the build by default.",
    ),
    "profile": ListedCommand(
        "profile", "Measure cycles, flash, RAM and stack on the emulated core, without a board."
    ),
    "selftest": ListedCommand(
        "selftest",
        "Run the firmware's self-test on an emulated machine, one line a layer, or write it for a board.",
    ),
    "compare": ListedCommand(
        "compare", "Name the first layer that a device computes differently, from the log of its self-test."
    ),
    "export": ListedCommand(
        "export",
        "Write the firmware's quantization for other tools: every scale and zero point, weights and biases.",
    ),
    "package": ListedCommand(
        "package",
        "Write firmware as a library: CMake, Arduino, PlatformIO, Zephyr, ESP-IDF, CMSIS-Pack or two files.",
    ),
    "lock": ListedCommand(
        "check", "Write a small golden file: hashes of parameters and layer outputs, and sizes."
    ),
    "check": ListedCommand(
        "check",
        "Build again from the stored Program and fail, naming the first layer, parameter or size that moved.",
    ),
    "targets": ListedCommand("listing", "List cores and boards."),
    "ops": ListedCommand("listing", "List the ONNX operators that can be built."),
}


def load_function(name: str) -> Callable[..., None]:
    """The function of a command; imports what the command needs."""
    module = importlib.import_module(f"mcuq.cli.{COMMANDS[name].module}")
    function: Callable[..., None] = getattr(module, f"{name}_command")
    return function


class LazyGroup(TyperGroup):
    """The commands by name and summary, until one is to run."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - typer's
        """Stand-ins are enough for help, suggestions and the completion of names."""
        options["commands"] = {
            name: TyperCommand(name, help=entry.summary) for name, entry in COMMANDS.items()
        }
        super().__init__(**options)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        """The command itself in place of its stand-in."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, stand_in if name is None else _command(name), rest


class _Command(TyperCommand):
    """A command that says of a wrong value what it must be, and nothing of the library that compared it."""

    def make_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - typer's
        """As typer does."""
        try:
            return super().make_context(*args, **options)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


def _command(name: str) -> object:
    single = typer.Typer(add_completion=False)
    single.command(name, cls=_Command)(load_function(name))
    return typer.main.get_command(single)
