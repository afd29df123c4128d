"""Options on the command line as they are declared, in `mcuq.options` and with what they are of."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from mcuq.calibrate.config import read_output_types, read_overrides, read_state_pairs, read_ties
from mcuq.calibrate.images import Preprocessing
from mcuq.cli.parse import (
    parse_floats,
    parse_initial_values,
    parse_input_ranges,
    parse_input_shapes,
    parse_output_types,
    parse_size,
)
from mcuq.errors import all_of
from mcuq.options import Command, Declaration, QuantOptions, declared

# Values of the image options that were given, by field of `Preprocessing`.
GivenImages: TypeAlias = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """How a value that is more than a word is given."""

    hint: object
    read: Callable[[Any], object]


_FORMS: Mapping[str, _Form] = {
    "input_ranges": _Form(list[str] | None, parse_input_ranges),
    "input_shapes": _Form(list[str] | None, parse_input_shapes),
    "output_types": _Form(list[str] | None, parse_output_types),
    "configured_types": _Form(Path | None, read_output_types),
    "overrides": _Form(Path | None, read_overrides),
    "ties": _Form(Path | None, read_ties),
    "state_pairs": _Form(Path | None, read_state_pairs),
    "state": _Form(list[str] | None, tuple),
    "state_initial": _Form(list[str] | None, parse_initial_values),
    "size": _Form(str | None, parse_size),
    "mean": _Form(str | None, functools.partial(parse_floats, "--mean")),
    "std": _Form(str | None, functools.partial(parse_floats, "--std")),
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

    def take(given: dict[str, Any]) -> QuantOptions:
        values = _take(_of_command(command, options), given)
        # What was left open.
        values.setdefault("sampling", "stratified" if given.get("labels") else "random")
        return options(**values)

    parameters = list(_parameters(_of_command(command, options), options))
    return lambda function: _replace_parameter(function, "options", parameters, take)


def with_images(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of image folders, in place of its parameter `images`: `GivenImages`."""
    fields = declared(Preprocessing)
    parameters = list(_parameters(fields, Preprocessing))
    return _replace_parameter(function, "images", parameters, lambda given: _take(fields, given))


def _replace_parameter(
    function: Callable[..., None],
    place: str,
    added: Sequence[inspect.Parameter],
    take: Callable[[dict[str, Any]], object],
) -> Callable[..., None]:
    """A function with several parameters where another has one.

    Args:
        function: the other.
        place: its parameter.
        added: the several.
        take: takes their values out of all that are given, and makes one of them.
    """
    own = typing.get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(function).parameters.values():
        parameters += added if each.name == place else [each.replace(annotation=own[each.name])]

    @functools.wraps(function)
    def run(**given: Any) -> None:  # noqa: ANN401 - typer's
        found = take(given)
        function(**{place: found}, **given)

    # Typer reads signature and hints; of the latter it looks at the function's own alone.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _of_command(command: Command, options: type[QuantOptions]) -> dict[str, Declaration]:
    """The declarations of a command's options by field."""
    return {name: each for name, each in declared(options).items() if command in each.commands}


def _parameters(fields: Mapping[str, Declaration], options: type[Any]) -> Iterator[inspect.Parameter]:
    """What typer has to be told of options; fields that share a flag are one."""
    hints, defaults, flags = typing.get_type_hints(options), options(), set()
    for field, each in fields.items():
        if each.flag in flags:
            continue
        flags.add(each.flag)
        hint, default = hints[field], getattr(defaults, field)
        if field in _FORMS:
            hint, default = _FORMS[field].hint, None
        elif each.is_left_open:
            hint, default = hint | None, None
        written = each.flag if each.opposite is None else f"{each.flag}/{each.opposite}"
        info = typer.Option(written, help=each.help, metavar=each.metavar, min=each.least, max=each.most)
        yield inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, info]
        )


def _take(fields: Mapping[str, Declaration], given: dict[str, Any]) -> dict[str, Any]:
    """Take options out of what typer gives: their values by field, of those that have one.

    Raises:
        McuqError: O001, O004 or O012 where some cannot be read, for all of them at once.
    """
    words = {name: given.pop(name) for name in {each.name for each in fields.values()}}

    def read(field: str, value: object) -> tuple[str, object]:
        return field, _FORMS[field].read(value) if field in _FORMS else value

    found = ((field, words[each.name]) for field, each in fields.items())
    return dict(all_of(functools.partial(read, *each) for each in found if each[1] is not None))
