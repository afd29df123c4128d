"""An option of a build is declared in one place: command line, record and documentation follow."""

import dataclasses
import importlib
import inspect
import typing
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from mcuq.calibrate.images import Color, Preprocessing
from mcuq.cli.commands import load_function
from mcuq.cli.declared import with_images, with_options
from mcuq.options import CALIBRATING, Command, QuantOptions, declared, option
from tests.project.source import ROOT


@dataclasses.dataclass(frozen=True)
class MoreOptions(QuantOptions):
    """One option more, and nothing else anywhere."""

    noise: Literal["white", "pink"] = option("white", "--noise-colour", "The colour of the noise.")
    taps: int = option(3, "--taps", "How many taps.", commands=("calibrate",), least=1, most=9)


def application(command, seen):
    app = typer.Typer(add_completion=False)

    @app.command()
    @with_options(command, MoreOptions)
    def run(
        model: Annotated[str, typer.Argument()],
        labels: Annotated[str | None, typer.Option()] = None,
        *,
        options: MoreOptions,
        last: Annotated[int, typer.Option()] = 1,
    ) -> None:
        """Do it."""
        seen.append((model, labels, options, last))

    return app, run


def generate_docs(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))  # where a script finds its neighbours
    return importlib.import_module("generate_docs")


def invoke(command, *words):
    seen = []
    app, _ = application(command, seen)
    return CliRunner().invoke(app, [*words], env={"COLUMNS": "200"}), seen


def test_new_option_is_on_the_command_line():
    result, _ = invoke("build", "--help")
    assert "--noise-colour" in result.output and "The colour of the noise." in result.output
    assert "--taps" not in result.output  # of another command
    result, seen = invoke("build", "m", "--noise-colour", "pink", "--last", "2")
    assert result.exit_code == 0, result.output
    assert [("m", None, MoreOptions(noise="pink"), 2)] == seen
    result, seen = invoke("build", "m", "--noise-colour", "green")
    assert result.exit_code == 2 and not seen


def test_limits_of_a_number_hold():
    assert invoke("calibrate", "m", "--taps", "9")[1][0][2].taps == 9
    assert invoke("calibrate", "m", "--taps", "10")[0].exit_code == 2


def test_new_option_is_in_the_record():
    assert ("noise-colour", "pink") in MoreOptions(noise="pink").record()
    assert set(QuantOptions().record()) < set(MoreOptions().record())


def test_new_option_is_in_the_documentation(monkeypatch):
    docs = generate_docs(monkeypatch)
    (row,) = (row for row in docs.option_rows(MoreOptions) if row[0] == "`noise`")
    assert row[1:] == [
        "`--noise-colour white|pink`",
        "`white`",
        "build, tune",
        "`noise-colour`",
        "The colour of the noise.",
    ]
    _, run = application("build", [])
    text = "\n".join(str(list(part)) for part in docs._command_part("run", run))
    assert "`--noise-colour white\\\\|pink`" in text


def test_nothing_given_is_the_default():
    _, ((_, _, options, _),) = invoke("build", "m")
    assert MoreOptions() == options


@pytest.mark.parametrize(("words", "sampling"), [([], "random"), (["--labels", "y"], "stratified")])
def test_sampling_follows_labels_unless_it_is_given(words, sampling):
    assert invoke("build", "m", *words)[1][0][2].sampling == sampling
    assert invoke("build", "m", *words, "--sampling", "first")[1][0][2].sampling == "first"


@pytest.mark.parametrize("command", typing.get_args(Command))
def test_commands_take_what_is_declared_for_them(command):
    names = set(inspect.signature(load_function(command)).parameters)
    # Of `verify` and others the same flag means something else.
    shared = {"samples"} if command not in CALIBRATING else set()
    options = [*declared(QuantOptions).values(), *declared(Preprocessing).values()]
    for each in (each for each in options if each.name not in shared):
        assert (each.name in names) == (command in each.commands), each.flag


def test_record_of_the_defaults_is_that_of_stored_programs():
    assert QuantOptions().record() == (
        ("activations", "asymmetric"),
        ("calibration-method", "mse"),
        ("equalize", "auto"),
        ("headroom", "1.1"),
        ("samples", "128"),
        ("sampling", "random"),
        ("seed", "0"),
        ("weight-rounding", "gptq"),
        ("weights", "per-channel"),
    )
    options = QuantOptions(
        method="percentile",
        percentile=99.5,
        input_ranges={"x": (0.0, 0.1)},
        input_shapes={"x": (1, 3)},
        ties=(("x", "y"),),
    )
    more = {"percentile": "99.5", "input-range.x": "0.0:0.1", "input-shape.x": "1,3", "tie.1": "x, y"}
    assert more.items() <= dict(options.record()).items()
    assert "headroom" not in dict(options.record())


def test_images_are_read_as_given():
    seen = []
    app = typer.Typer(add_completion=False)

    @app.command()
    @with_images
    def run(*, images: dict[str, object]) -> None:
        seen.append(images)

    words = ["--color", "bgr", "--size", "3x4", "--std", "1,2"]
    assert CliRunner().invoke(app, []).exit_code == CliRunner().invoke(app, words).exit_code == 0
    assert seen == [{}, {"color": Color.BGR, "size": (3, 4), "std": (1.0, 2.0)}]
