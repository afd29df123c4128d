"""Every part of every operator is there; what is missing is named with the operator."""

import functools
import importlib
import importlib.util
import inspect
import pkgutil

import pytest

import mcuq.ops
from mcuq.ir.op import Op
from mcuq.ir.program import StepOp
from mcuq.kernels.registry import isa_variants
from mcuq.ops.onnx.registry import onnx_families, step_writers, writers
from mcuq.ops.registry import FAMILIES, GRAPH_OPS, STEP_OPS
from tests.ops.examples import GENERATORS, REFERENCES, declared
from tests.project.source import ROOT

HEADERS = ROOT / "targets" / "portable" / "kernels"


def family(op):
    return op.__module__.rsplit(".", 1)[-1]


@functools.cache
def law():
    """The steps in the first column of the table of operators, each with its whole row."""
    text = (ROOT / "docs" / "numerics.md").read_text("utf-8").split("### The table of operators")[1]
    table = text.split("\n\n")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    return {kind.strip(): row for row in rows for kind in row.split("|")[1].split(",")}


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_has_examples(kind):
    assert kind in GENERATORS, GENERATORS.missing(kind)


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_has_a_plain_integer_reference(kind):
    assert kind in REFERENCES, REFERENCES.missing(kind)


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_has_a_portable_kernel(kind):
    op = STEP_OPS[kind]
    kernels = [each.kernel for each in isa_variants("portable") if each.step_op is op]
    where = f"mcuq/kernels/portable/{family(op)}.py"
    assert kernels, f"operator '{kind}' has no kernel variant: add one to VARIANTS in {where}"
    for kernel in kernels:
        assert (HEADERS / f"{kernel}.h").is_file(), (
            f"operator '{kind}' has no kernel: add targets/portable/kernels/{kernel}.h"
        )


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_has_mutants_of_its_kernels(kind):
    op = STEP_OPS[kind]
    for kernel in [each.kernel for each in isa_variants("portable") if each.step_op is op]:
        changes = declared("MUTANTS").get(kernel, ())
        where = f"tests/ops/{family(op)}.py"
        assert changes, f"operator '{kind}' has no mutants of {kernel}: add them to MUTANTS in {where}"


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_is_in_the_law(kind):
    assert kind in law(), f"operator '{kind}' has no row in docs/numerics.md, the table of operators"


@pytest.mark.parametrize("kind", sorted(STEP_OPS))
def test_step_has_a_writer_for_quantized_models(kind):
    op = STEP_OPS[kind]
    where = f"mcuq/ops/onnx/{family(op)}.py"
    known = step_writers().keys() | {op for each in onnx_families() for op in each.unwritten}
    assert op in known, f"operator '{kind}' has no QDQ writer: add it to step_writers in {where}"


@pytest.mark.parametrize("kind", sorted(GRAPH_OPS))
def test_operator_has_a_reader_and_a_float_writer(kind):
    op = GRAPH_OPS[kind]
    modules = [f"mcuq.ops.onnx.{family(op)}", f"mcuq.ops.tflite.{family(op)}"]
    where = f"mcuq/ops/onnx/{family(op)}.py"
    onnx, tflite = (
        importlib.import_module(module).FAMILY if importlib.util.find_spec(module) is not None else None
        for module in modules
    )
    assert tflite or (onnx and onnx.readers), (
        f"operator '{kind}' has no reader: add one to the readers in {where}"
    )
    assert op in writers(), f"operator '{kind}' has no float writer: add it to writers in {where}"


def test_every_module_with_operators_is_in_the_registry():
    for each in pkgutil.iter_modules(mcuq.ops.__path__):
        if each.name in FAMILIES or each.ispkg:
            continue
        module = importlib.import_module(f"mcuq.ops.{each.name}")
        classes = inspect.getmembers(module, inspect.isclass)
        own = [
            cls for _, cls in classes if cls.__module__ == module.__name__ and issubclass(cls, Op | StepOp)
        ]
        kinds = sorted({cls.kind for cls in own if hasattr(cls, "kind")})
        assert not kinds, (
            f"operator '{kinds[0]}' is not registered: add '{each.name}' to mcuq/ops/registry.py"
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_family_has_nothing_left_to_do(name):
    files = [
        ROOT / "mcuq" / "ops" / f"{name}.py",
        ROOT / "mcuq" / "ops" / "onnx" / f"{name}.py",
        ROOT / "mcuq" / "kernels" / "portable" / f"{name}.py",
        ROOT / "tests" / "ops" / f"{name}.py",
        *HEADERS.glob(f"mcuq_{name}_*.h"),
    ]
    for path in files:
        if path.is_file():
            assert "TODO" not in path.read_text("utf-8"), f"{path.relative_to(ROOT)} has something left to do"
    assert "TODO" not in law().get(name, ""), f"docs/numerics.md, row '{name}', has something left to do"
