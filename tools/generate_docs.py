"""Write the pages of docs/ that follow from the code: cli.md, errors.md, ops.md, options.md and targets.md.

Usage: python tools/generate_docs.py [--check]
"""

from __future__ import annotations

import enum
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import onnx
from docs_markdown import doc, page, table
from docs_targets import targets_page

from mcuq.calibrate.images import Preprocessing
from mcuq.cli.commands import COMMANDS, load_function
from mcuq.errors import CODES, Exit
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.onnxio.fold import EVALUATED, FOLDABLE
from mcuq.onnxio.load import OLDEST_OPSET
from mcuq.onnxio.quantized.barrier import QUANTIZE_OPS
from mcuq.ops.onnx.registry import readers
from mcuq.ops.registry import STEP_OPS
from mcuq.ops.tflite.manual import read_operators, unread_operators
from mcuq.options import QuantOptions, declared

DOCS = Path(__file__).resolve().parent.parent / "docs"
FAMILIES = {
    "M": "the model",
    "Q": "quantization",
    "T": "target, memory and tools",
    "O": "options and inputs",
    "V": "verification",
    "I": "mcuq itself",
}
EXIT_MEANINGS = {
    Exit.OK: "done",
    Exit.MODEL: "the model cannot be built",
    Exit.USAGE: "the call, its data or its tools are wrong",
    Exit.DOES_NOT_FIT: "the model does not fit the target",
    Exit.NOT_BIT_EXACT: "the firmware is not what it has to be",
    Exit.INTERNAL: "a mistake of mcuq: please report it",
}


def opsets(op_type: str) -> str:
    """The versions of ONNX's operator set in which an operator can be read."""
    domain, _, name = op_type.rpartition(".")
    versions = [
        each
        for each in onnx.defs.get_all_schemas_with_history()
        if (each.domain, each.name) == (domain, name)
    ]
    first = min(each.since_version for each in versions)
    if domain:
        return f"{domain} {first} on"
    ended = [each.since_version for each in versions if each.deprecated]
    return f"{max(first, OLDEST_OPSET)}" + (f" to {min(ended) - 1}" if ended else " on")


def other_operators() -> Iterator[list[str]]:
    """The operators of ONNX's own domains that are not read: folded, or why not."""
    domains = ("", "ai.onnx.ml")
    schemas = [each for each in onnx.defs.get_all_schemas() if each.domain in domains and not each.deprecated]
    names = {f"{each.domain}.{each.name}" if each.domain else each.name for each in schemas}
    for name in sorted(names - set(readers().supported), key=lambda name: (name.count("."), name)):
        is_folded = name in FOLDABLE or name in EVALUATED
        reason = readers().unread.get(name)
        built = "folded" if is_folded else "no"
        if name in readers().forms or name in QUANTIZE_OPS:
            yield [
                f"`{name}`",
                "yes",
                "In quantized models, where its scales and zero points are constants.",
                "",
            ]
            continue
        if name in readers():
            yield [f"`{name}`", built, readers()[name].manual, ""]
        else:
            yield [f"`{name}`", built, reason.why if reason else "", reason.fix if reason else ""]


def ops_page() -> str:
    """The ONNX operators that can be read, and the integer steps they become."""
    importers = [[f"`{name}`", opsets(name), reader.manual] for name, reader in readers().supported.items()]
    kernels: dict[str, list[str]] = {}
    for isa in instruction_sets():
        for variant in isa_variants(isa):
            kernels.setdefault(variant.step_op.kind, []).append(f"`{variant.kernel}` ({isa})")
    steps = [
        [f"`{kind}`", doc(op)[0], ", ".join(kernels.get(kind, ["none"]))] for kind, op in STEP_OPS.items()
    ]
    return page(
        "Operators",
        "`mcuq ops` prints the first table. A model with other operators, or with these in another form, is "
        "refused, and the message names every such node at once with its reason and what to do (M003, M004). "
        "[onnx-cases.md](onnx-cases.md) says what becomes of ONNX's own test cases.",
        "## ONNX operators that are read",
        "The domain is `ai.onnx` or the one that is named. Activations are float32 and all shapes static; "
        "a symbolic batch size is 1. "
        f"Opset {OLDEST_OPSET} is the oldest that is read, the newest is that of the installed onnx; the "
        "column says from which on an operator exists there.",
        table(("operator", "opset", "form"), importers),
        "## All other operators of ONNX",
        "`folded` are those that are evaluated where their inputs are constants or shapes, as exporters "
        "leave them; `no` and the reason are what a model's error says, with the nearest way round.",
        table(("operator", "built", "why not", "nearest way round"), list(other_operators())),
        "## TensorFlow Lite operators that are read",
        "Of `.tflite` files with one graph and static shapes. Float models are quantized as ONNX models are. "
        "An int8 model keeps its scales, zero points, weights and biases, and every tensor equals that of "
        "TensorFlow Lite Micro bit for bit: an operator whose integer arithmetic there is not mcuq's is "
        "refused in such a model. Shapes, and operators whose inputs are constants, are folded.",
        table(("operator", "in int8 models", "form"), read_operators()),
        "## All other operators of TensorFlow Lite",
        "The reason is what a model's error says, with the nearest way round.",
        table(("operator", "why not", "nearest way round"), unread_operators()),
        "## Integer steps of the firmware",
        "What remains after constants are folded, batch normalization and activations are merged into the "
        "layers before them, and layouts are changed to NHWC. [numerics.md](numerics.md) defines each step.",
        table(("step", "meaning", "kernels"), steps),
    )


def errors_page() -> str:
    """Exit codes and error codes."""
    exits = [[str(int(code)), EXIT_MEANINGS[code]] for code in Exit]
    parts: list[str | Iterable[str]] = []
    for letter, family in FAMILIES.items():
        rows = [
            [code, meaning, str(int(exit_code))]
            for code, (exit_code, meaning) in CODES.items()
            if code.startswith(letter)
        ]
        parts += [f"## {letter}: {family}", table(("code", "meaning", "exit code"), rows)]
    return page(
        "Errors and exit codes",
        "Every refusal has a code, says where and why, with found and expected values, and what to do. When "
        "there are several, all are printed, and the exit code is that of the first.",
        table(("exit code", "meaning"), [*exits, ["129, 130, 143", "ended by SIGHUP, SIGINT or SIGTERM"]]),
        *parts,
    )


def _plain_type(hint: object) -> str:
    """How an option's type is written on the command line; "" for a flag."""
    args = [arg for arg in typing.get_args(hint) if arg is not types.NoneType]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _plain_type(args[0])
    if typing.get_origin(hint) is typing.Literal:
        return "|".join(str(arg) for arg in args)
    if typing.get_origin(hint) is list:
        return _plain_type(args[0])
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "|".join(str(member.value) for member in hint)
    names = {Path: "PATH", int: "N", float: "X", str: "TEXT", bool: ""}
    return names[typing.cast(type, hint)]


def _default(value: object) -> str:
    if value is None or value is False:
        return ""
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


def _parameter_row(name: str, hint: object, default: object) -> list[str] | None:
    """A table row for an option; None for a positional argument."""
    plain, info = typing.get_args(hint)[:2]
    if type(info).__name__ != "OptionInfo":
        return None
    # Inside Annotated, typer takes the first declaration for a default.
    declared = [each for each in (info.default, *(info.param_decls or ())) if str(each).startswith("--")]
    option = next(iter(declared), f"--{name.replace('_', '-')}")
    metavar = info.metavar or _plain_type(plain)
    default_text = "required" if default is inspect.Parameter.empty else _default(default)
    return [f"`{f'{option} {metavar}'.strip()}`", info.help or "", default_text]


def _command_part(name: str, callback: Callable[..., object]) -> list[str | Iterable[str]]:
    hints = typing.get_type_hints(callback, include_extras=True)
    usage, rows = [f"mcuq {name}"], []
    for parameter in inspect.signature(callback).parameters.values():
        row = _parameter_row(parameter.name, hints[parameter.name], parameter.default)
        if row is not None:
            rows.append(row)
        elif parameter.default is inspect.Parameter.empty:
            usage.append(parameter.name.upper())
        else:
            usage.append(f"[{parameter.name.upper()}]")
    first, rest = doc(callback)
    parts: list[str | Iterable[str]] = [f"## {name}", f"`{' '.join(usage)}`", first]
    if rest:
        parts.append(rest)
    return [*parts, table(("option", "meaning", "default"), rows)] if rows else parts


def cli_page() -> str:
    """All commands and options."""
    parts: list[str | Iterable[str]] = []
    for name in COMMANDS:
        parts += _command_part(name, load_function(name))
    return page(
        "Command line",
        "Commands and options stay as they are here: scripts may rely on them. `--json` prints one object on "
        "standard output and nothing else; warnings and progress go to standard error. Exit codes: "
        "[errors.md](errors.md).",
        *parts,
    )


def option_rows(options: type[QuantOptions | Preprocessing]) -> list[list[str]]:
    """A row for every option, as it is declared."""
    hints, defaults = typing.get_type_hints(options), options()
    rows = []
    for field, each in declared(options).items():
        value = getattr(defaults, field)
        value = value.value if isinstance(value, enum.Enum) else value
        is_plain = isinstance(value, int | float | str)
        written = each.metavar or (_plain_type(hints[field]) if is_plain or value is None else "PATH")
        flags = each.flag if each.opposite is None else f"{each.flag}/{each.opposite}"
        rows.append(
            [
                f"`{field}`",
                f"`{f'{flags} {written}'.strip()}`",
                f"`{value}`" if is_plain else "",
                ", ".join(each.commands),
                f"`{each.recorded_as}`" if each.recorded_as else "",
                each.help,
            ]
        )
    return rows


def options_page() -> str:
    """The options of a build as Python, the command line and the record know them."""
    return page(
        "Options of a build",
        "One declaration in `mcuq/options.py` says all of this; `mcuq.QuantOptions` takes the fields, the "
        "commands take the flags. The record stands in the manifest and in the stored program, and makes a "
        "build repeatable.",
        table(
            ("field", "on the command line", "default", "commands", "recorded as", "meaning"),
            option_rows(QuantOptions),
        ),
        "## Image folders",
        "Fields of `mcuq.calibrate.images.Preprocessing`. The commands that read a firmware directory take "
        "what its build recorded, unless an option says otherwise.",
        table(
            ("field", "on the command line", "default", "commands", "recorded as", "meaning"),
            option_rows(Preprocessing),
        ),
    )


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "ops.md": ops_page,
    "options.md": options_page,
    "targets.md": targets_page,
}


def stale_pages() -> list[str]:
    """Names of the pages that differ from what the code says."""
    return [
        name
        for name, make in PAGES.items()
        if not (DOCS / name).is_file() or (DOCS / name).read_text("utf-8") != make()
    ]


def main() -> int:
    """Write the pages, or with --check only say which are stale."""
    stale = stale_pages()
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is stale: run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), "utf-8")
        print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
