"""What tools/sweep.py runs, on the digits example, and that it leaves no core, aim or board out."""

import pytest

from mcuq.ir.program import Optimize
from mcuq.targets import list_targets, load_target
from tests.project.source import ROOT
from tests.tools import require, require_compiler


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def test_every_core_is_run_for_every_aim_and_every_board_at_all(tools):
    import sweep

    for model in (sweep.DIGITS, *sweep.FOUR):
        runs = list(sweep.runs_of(model))
        assert len(runs) == len(set(runs))
        emulated = {(run.target, run.optimize) for run in runs if run.on != "host"}
        for target in list_targets():
            aims = Optimize if target.board is None else [Optimize.BALANCED]
            if not target.core.is_host:
                assert {(target.name, aim.value) for aim in aims} <= emulated


def test_runs_agree_and_kernels_are_told_apart(tools):
    require("unicorn")
    require_compiler(load_target("cortex-m4").core, "gcc")
    import sweep

    runs = [sweep.Run("nucleo-l4r5zi", "emulator", 1), sweep.Run("cortex-m4", "emulator", 1, optimize="ram")]
    found = sweep.sweep(sweep.DIGITS, runs)
    assert found.is_good
    assert [row.count("0 differ") for row in found.rows] == [1, 1]
    assert "| nucleo-l4r5zi | balanced | cortex-m4 on unicorn |" in found.rows[0]
    rows = [row for row in sweep.kernel_rows([found]) if row.startswith("| cortex-m4 |")]
    assert [row.split(" | ")[1] for row in rows] == ["armv7em", "portable"]
    assert "`mcuq_gru_s8_dsp`" in rows[0] and "`mcuq_linear_s8_paired`" not in rows[0]


def test_sections_of_others_stay_behind_the_tables(tools, tmp_path):
    import sweep

    page = tmp_path / "page.md"
    assert sweep.other_sections(page) == ""
    page.write_text("# Title\n\n| a |\n\n## Random graphs\n\ntext\n\n<!-- begin: x -->\n## X\n", "utf-8")
    assert sweep.other_sections(page) == "\n## Random graphs\n\ntext\n\n<!-- begin: x -->\n## X\n"
