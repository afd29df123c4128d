"""The options of a build on the command line, as `mcuq.options` declares them."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from mcuq.calibrate.overrides import read_overrides, read_ties
from mcuq.cli.parse import parse_input_ranges, parse_input_shapes
from mcuq.options import Command, Declaration, QuantOptions, declared

_PLACE = "options"


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """How a value that is more than a word is given."""

    hint: object
    read: Callable[[Any], object]


_FORMS: Mapping[str, _Form] = {
    "input_ranges": _Form(list[str] | None, parse_input_ranges),
    "input_shapes": _Form(list[str] | None, parse_input_shapes),
    "overrides": _Form(Path | None, read_overrides),
    "ties": _Form(Path | None, read_ties),
}


def with_options(
    command: Command, options: type[QuantOptions] = QuantOptions
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that are declared for it, in place of its parameter `options`.

    Args:
        command: its name.
        options: the class that declares them.

    Returns:
        A decorator; the decorated function takes the options one by one, as typer wants them, and calls the
        command with all of them as one value.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = typing.get_type_hints(function, include_extras=True)
        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(function).parameters.values():
            if each.name == _PLACE:
                parameters += _parameters(command, options)
            else:
                parameters.append(each.replace(annotation=own[each.name]))

        @functools.wraps(function)
        def run(**given: Any) -> None:  # noqa: ANN401 - typer's
            found = _take(command, options, given)
            function(**{_PLACE: found}, **given)

        # Typer reads signature and hints; of the latter it looks at the function's own alone.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _of_command(command: Command, options: type[QuantOptions]) -> Iterator[tuple[str, Declaration]]:
    """Fields and declarations, those that share a flag once."""
    flags = set()
    for name, each in declared(options).items():
        if command in each.commands and each.flag not in flags:
            flags.add(each.flag)
            yield name, each


def _parameters(command: Command, options: type[QuantOptions]) -> Iterator[inspect.Parameter]:
    hints, defaults = typing.get_type_hints(options), options()
    for field, each in _of_command(command, options):
        hint, default = hints[field], getattr(defaults, field)
        if field in _FORMS:
            hint, default = _FORMS[field].hint, None
        elif each.is_left_open:
            hint, default = hint | None, None
        flags = each.flag if each.opposite is None else f"{each.flag}/{each.opposite}"
        info = typer.Option(flags, help=each.help, metavar=each.metavar, min=each.least, max=each.most)
        yield inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, info]
        )


def _take(command: Command, options: type[QuantOptions], given: dict[str, Any]) -> QuantOptions:
    """Take the options out of what typer gives.

    Raises:
        McuqError: O001, O004 or O012 where one cannot be read.
    """
    words = {each.name: given.pop(each.name) for _, each in _of_command(command, options)}
    if words.get("sampling", "") is None:
        words["sampling"] = "stratified" if given.get("labels") else "random"
    values: dict[str, Any] = {}
    for field, each in declared(options).items():
        value = words.get(each.name)
        if value is not None:
            values[field] = _FORMS[field].read(value) if field in _FORMS else value
    return options(**values)
