"""Every mutant has its place, and some are run; `make mutants` runs all."""

import pytest

from tests.kernels.isolated.source import header
from tests.mutants import dsp_assembly, dsp_c, lowering, mve_c
from tests.mutants.__main__ import is_right
from tests.mutants.change import Change, Stale
from tests.mutants.kernels import run_assembly, run_c
from tests.mutants.python import run_python
from tests.mutants.worker import ROOT
from tests.tools import require

KERNELS = [*dsp_c.CHANGES, *dsp_assembly.CHANGES, *mve_c.CHANGES]
# The issue that asked for this table named them: a lost clamp, an over-read, a dropped guard, a limit.
NAMED = (
    "if ((p->lo != -128) || (p->hi != 127)) => if (p->lo != -128)",
    "left - (((p->row_c % 4) == 0) ? p->row_c : ((p->row_c + 15) & ~15)) => left - p->row_c",
    "if ((count % 2) != 0) => if (count < 0)",
    "_LIMIT = 2**23 => _LIMIT = 2**23 + 1",
)


def sample(changes, step):
    """Those named above, and some of the others."""
    return [change for i, change in enumerate(changes) if i % step == 0 or change.text in NAMED]


@pytest.mark.parametrize("change", KERNELS, ids=str)
def test_mutant_of_a_kernel_has_its_place(change):
    source = header(change.file).read_text("utf-8")
    assert source != change.apply(source)


@pytest.mark.parametrize("change", lowering.CHANGES, ids=str)
def test_mutant_of_a_module_has_its_place(change):
    compile(change.apply((ROOT / change.file).read_text("utf-8")), change.file, "exec")
    assert change.file in lowering.TESTS


def test_mutants_are_many_and_differ():
    total = [*KERNELS, *lowering.CHANGES]
    assert len(total) - sum(bool(each.equivalent) for each in total) >= 400
    assert all(
        len({*table}) == len(table)
        for table in (dsp_c.CHANGES, dsp_assembly.CHANGES, mve_c.CHANGES, lowering.CHANGES)
    )


@pytest.mark.parametrize("text", ["missing => x", "two => x", "two ~~ one => x", "one ~~ missing => x"])
def test_changes_without_one_place_are_refused(text):
    with pytest.raises(Stale):
        Change("file", text).apply("one two two")


def check(fates):
    wrong = [f"{fate.change}: {fate.noticed}" for fate in fates if not is_right(fate)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_some_mutants_in_c_are_noticed(tmp_path):
    require("cc")
    check(run_c(sample([*dsp_c.CHANGES, *mve_c.CHANGES], 40), tmp_path))


@pytest.mark.slow
def test_some_mutants_in_assembly_are_noticed(tmp_path):
    require("unicorn")
    check(run_assembly(sample(dsp_assembly.CHANGES, 24), tmp_path))


@pytest.mark.slow
def test_some_mutants_of_lowering_are_noticed():
    require("cc")
    check(run_python(sample(lowering.CHANGES, 72)))
