"""Kernels called one by one: they touch their buffers and nothing else, and garbage in memory does not count.

Buffers have exactly the size that a kernel may touch: under sanitizers on the host, and beside memory that
does not exist on the emulated core, whose assembly no sanitizer sees. Nobody initializes scratch memory for
valgrind.
"""

import pytest

from mcuq.ir.integer import Rounding
from mcuq.ir.program import SeveralOutputsStep
from mcuq.kernels.registry import isa_variants
from tests.kernels.armv7em.edges import TAKES_ODD, odd_edges
from tests.kernels.isolated.cases import cases, find_variant, isa_of, shapes_of
from tests.kernels.isolated.emulator import Emulator
from tests.kernels.isolated.host import VALGRIND, run_on_host
from tests.kernels.isolated.source import Program
from tests.kernels.machines import contract_core
from tests.kernels.special import cases_of_kernel, edges, makers, special_cases
from tests.ops.examples import GENERATORS, examples
from tests.tools import require

EDGES = edges()
ODD_EDGES = [edge for kernel in TAKES_ODD for edge in odd_edges(kernel)]
# isolated.c calls kernels of one output.
CALLED = sorted(each for each in makers() if not issubclass(find_variant(each).step_op, SeveralOutputsStep))


def check_on_host(folder, program, **options):
    (outcome,) = run_on_host([program], folder, **options)
    assert outcome.is_right, f"{program.cases[outcome.case]}: {outcome}"


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_limits_take_the_last_layer_and_refuse_the_next(edge):
    tested = find_variant(edge.kernel)
    inside, outside = (tested(each.op, shapes_of(each)) for each in (edge.inside, edge.outside))
    assert inside.refusal() is None
    assert outside.refusal() is not None


@pytest.mark.parametrize("edge", ODD_EDGES, ids=str)
def test_limits_take_the_last_channel_and_compute_the_next_by_itself(edge):
    tested = find_variant(edge.kernel)
    inside, outside = (tested(each.op, shapes_of(each)) for each in (edge.inside, edge.outside))
    assert inside.refusal() is outside.refusal() is None
    counts = [
        sum(count for term, count in each.terms().items() if term.startswith("odd_"))
        for each in (inside, outside)
    ]
    assert counts[0] == 0 < counts[1]


@pytest.mark.parametrize("rounding", list(Rounding))
def test_kernels_keep_to_their_buffers_on_the_host(tmp_path, rounding):
    require("cc")
    found = [example for kind in GENERATORS for example in examples(kind, 16, rounding, seed=11)]
    program = Program(cases(found, isa_variants("portable"), samples=3), rounding)
    check_on_host(tmp_path, program)


@pytest.mark.parametrize("kernel", CALLED)
def test_special_kernels_keep_to_their_buffers_on_the_host(tmp_path, kernel):
    require("cc")
    check_on_host(tmp_path, Program(cases_of_kernel(kernel)))


def test_special_kernels_do_not_need_initialized_memory(tmp_path):
    require("cc")
    require("valgrind")
    check_on_host(tmp_path, Program(special_cases()[::2]), sanitize=(), under=VALGRIND)


@pytest.mark.parametrize("kernel", CALLED)
def test_special_kernels_keep_to_their_buffers_in_assembly(tmp_path, kernel):
    require("unicorn")
    core = contract_core(isa_of(kernel))
    if core.unicorn_cpu is None:
        pytest.skip(f"Unicorn does not have {core.name}")
    found = cases_of_kernel(kernel)
    emulator = Emulator([Program(found)], tmp_path, core.name)
    problems = [problem for each in found if (problem := emulator.run(0, each)) is not None]
    assert not problems, "\n".join(problems[:5])
