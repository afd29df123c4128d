"""No kernel has the form that GCC compiles wrongly for cores with low-overhead loops."""

import re
import shutil

import pytest

from mcuq.resources import targets_dir
from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain
from tests.kernels.counted_loops import lost_comparisons
from tests.tools import require_compiler

CORE = load_target("cortex-m55").core
# A sum of products of two with what is left over, and of four: its rest is another comparison.
SUM = """
int {name}(const short *x, int count);
int {name}(const short *x, int count)
{{
    int sum = 0;
    for (; count >= {step}; count -= {step}) {{
        sum += x[0] * x[1];
        x += {step};
    }}
    if ({rest}) {{
        sum += *x;
    }}
    return sum;
}}
"""


@pytest.mark.parametrize(
    ("step", "rest", "expected"),
    [(2, "count > 0", ["it"]), (4, "count >= 3", ["it"]), (4, "count > 0", []), (2, "(count & 1) != 0", [])],
)
def test_form_that_loses_its_comparison_is_found(tmp_path, step, rest, expected):
    require_compiler(CORE, "gcc")
    source = tmp_path / "it.c"
    source.write_text(SUM.format(name="it", step=step, rest=rest))
    found = lost_comparisons(CORE, source, ["-Os"], tmp_path)
    if (
        expected
        and found == (1, [])
        and not re.search(r"\b1[23]\.\d+\.\d", find_toolchain(CORE, "gcc").version)
    ):
        pytest.skip("only GCC 12 and 13 are known to have the fault")
    assert found == (1, expected)
    # No loop is counted in a register of its own.
    assert lost_comparisons(CORE, source, ["-Os", "-fno-branch-count-reg"], tmp_path) == (1, [])


def test_kernels_compare_nothing_again_behind_loops(tmp_path):
    """All of a core with low-overhead loops, every function, whether it is called or not."""
    require_compiler(CORE, "gcc")
    for isa in reversed(CORE.isa):
        for path in sorted((targets_dir() / isa / "kernels").glob("*.h")):
            shutil.copy(path, tmp_path / path.name)
    # One of two contracts: which one is chosen where firmware is written.
    (tmp_path / "mcuq_requantize.h").write_bytes((tmp_path / "mcuq_requantize_double.h").read_bytes())
    names = sorted(
        path.name for path in tmp_path.glob("*.h") if not re.search("_(double|single).h", path.name)
    )
    source = tmp_path / "kernels.c"
    source.write_text("".join(f'#include "{name}"\n' for name in names))
    kept = ["-fkeep-static-functions", "-fkeep-inline-functions"]
    functions, lost = lost_comparisons(CORE, source, ["-Os", *kept], tmp_path)
    assert lost == []
    assert functions > len(names)
