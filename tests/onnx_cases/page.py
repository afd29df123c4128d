"""What became of the cases as a page: a table by operator, and every refusal with its reason."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Mapping

import onnx

from tests.onnx_cases.check import Outcome
from tests.onnx_cases.sources import CONVERTED_OPSET, FOLDERS, Case

# The least distance that is told with its case.
FAR = 4.0
NOTE = "<!-- Generated: run `make onnx-cases`. -->"
_INTRODUCTION = (
    "Every test case of the installed onnx {version}: one operator each, the expansions of its "
    "functions, and the models {folders} on disk. Each is compiled for the host in the first of these "
    "forms that is read: as it is; with float32 tensors as inputs and all others stored; with the first "
    "float32 tensor alone as input. Its only sample calibrates it (`--method minmax`). Its C is "
    "compiled and run with that sample and random ones, and every value of every step equals the "
    "simulator's. Then its outputs are held against what onnx computes for the inputs that their codes "
    "stand for: the columns say within how many codes of the output they lie, in half of the cases and "
    "in all. `constant` are cases without a float32 input, and those whose output depends on shapes "
    "alone: they are evaluated while compiling, and their value is added to an input. Models of an "
    "opset before 7 are converted to {opset} first, as the error says.",
    "A distance of more than a few codes is a sum or a product of several steps, each with its own "
    "rounding, a pool that keeps the wider scale of its input, or a value at a jump of the function.",
)


def page(cases: Mapping[str, Case], outcomes: Mapping[str, Outcome]) -> str:
    """The Markdown text."""
    folders = ", ".join(f"`{folder}`" for folder in FOLDERS)
    words = {"version": onnx.__version__, "folders": folders, "opset": CONVERTED_OPSET}
    text = "\n\n".join(textwrap.fill(part.format(**words), 118) for part in _INTRODUCTION)
    floats = {name: outcome for name, outcome in outcomes.items() if cases[name].is_float32}
    others = {name: outcome for name, outcome in outcomes.items() if not cases[name].is_float32}
    parts = ["# ONNX's own cases", NOTE, text, "## Cases of float32", *_table(cases, floats)]
    parts += ["## Cases of other types", "Their inputs are integers, other floats, text or lists."]
    parts += _table(cases, others)
    parts += ["## Far from the expected value", *_far(outcomes)]
    parts += ["## Refused", "By reason, with the number of cases.", *_refusals(cases, outcomes)]
    return "\n\n".join(parts) + "\n"


def _table(cases: Mapping[str, Case], outcomes: Mapping[str, Outcome]) -> list[str]:
    rows: dict[str, list[Outcome]] = collections.defaultdict(list)
    for name, outcome in outcomes.items():
        rows[cases[name].operator].append(outcome)
    lines = [
        "| operator | cases | compiled | constant | refused | half within | all within |",
        "|---" * 7 + "|",
    ]
    total = list(outcomes.values())
    for operator, found in [*sorted(rows.items()), ("all", total)]:
        counts = collections.Counter(outcome.status for outcome in found)
        steps = sorted(o.steps for o in found if o.status in ("compiled", "constant"))
        half, most = (f"{steps[len(steps) // 2]:.1f}", f"{steps[-1]:.1f}") if steps else ("", "")
        cells = [f"`{operator}`", len(found), *(counts[s] for s in ("compiled", "constant", "refused"))]
        lines.append(f"| {' | '.join(map(str, cells))} | {half} | {most} |")
    return ["\n".join(lines)]


def _far(outcomes: Mapping[str, Outcome]) -> list[str]:
    far = {name: each.steps for name, each in outcomes.items() if each.steps > FAR}
    lines = ["| case | codes |", "|---|---|"]
    lines += [f"| `{name}` | {steps:.1f} |" for name, steps in sorted(far.items(), key=lambda item: -item[1])]
    return [f"All of more than {FAR:.0f} codes.", "\n".join(lines)]


def _refusals(cases: Mapping[str, Case], outcomes: Mapping[str, Outcome]) -> list[str]:
    reasons: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for name, outcome in outcomes.items():
        if outcome.status == "refused":
            reasons[outcome.code, outcome.detail].append(name)
    lines = []
    for (code, detail), names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"- {len(names)}: {code}, {_plain(detail)}: {', '.join(f'`{name}`' for name in names)}")
    return ["\n".join(lines)]


def _plain(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[")
