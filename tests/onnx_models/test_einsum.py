"""Einsum of any equation, and CumSum."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read

from .checked import check_built

EQUATIONS = {
    "ij->ji": [(3, 4)],
    "ij->i": [(3, 4)],
    "ij->": [(3, 4)],
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "bii->bi": [(2, 3, 3)],
    "ij,jk->ik": [(3, 4), (4, 5)],
    "ij , jk": [(3, 4), (4, 5)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
    "bij,jk->bki": [(2, 3, 4), (4, 5)],
    "bhid,bhjd->bhij": [(1, 2, 3, 4), (1, 2, 5, 4)],
    "i,j->ij": [(3,), (4,)],
    "ij,ij->ij": [(3, 4), (3, 4)],
    "ij,ij->": [(3, 4), (3, 4)],
    "ij,k->ijk": [(2, 3), (4,)],
    "i,i": [(3,), (3,)],
    "ijk,jil->kl": [(4, 3, 2), (3, 4, 5)],
    "ijk,l->il": [(4, 3, 2), (5,)],
    "...ij,...jk->...ik": [(2, 3, 4), (2, 4, 5)],
    "...i,ij->...j": [(2, 3, 4), (4, 5)],
    "b...,b...->...": [(2, 3, 4), (2, 3, 4)],
    "i...->...": [(3, 4)],
    "bn,anm,bm->ba": [(2, 5), (3, 5, 4), (2, 4)],
    "nctv,vw->nctw": [(1, 3, 4, 5), (5, 5)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_of_tensors_and_constants(equation, tmp_path):
    shapes = EQUATIONS[equation]
    for stored in (None, *(range(len(shapes)) if len(shapes) > 1 else ())):
        net = Net(17, **{f"x{i}": shape for i, shape in enumerate(shapes) if i != stored})
        operands = [net.random(*shape) if i == stored else f"x{i}" for i, shape in enumerate(shapes)]
        model = net.model(net.add("Einsum", *operands, equation=equation))
        check_built(model, tmp_path, least_db=15.0)


@pytest.mark.parametrize("stored", [(0, 1), (1, 2), (0, 2)])
def test_einsum_of_several_constants(stored, tmp_path):
    shapes = [(3,), (3, 4), (4,)]
    net = Net(17, **{f"x{i}": shape for i, shape in enumerate(shapes) if i not in stored})
    operands = [net.random(*shape) if i in stored else f"x{i}" for i, shape in enumerate(shapes)]
    check_built(net.model(net.add("Einsum", *operands, equation="i,ij,j->")), tmp_path, least_db=15.0)


def test_einsum_of_constants_alone_is_refused(tmp_path):
    net = Net(17, x=(3, 4))
    y = net.add("Einsum", net.random(3, 5), net.random(5, 4), equation="ij,jk->ik")
    with pytest.raises(McuqError, match="all its operands are constants"):
        read(save(net.model(net.add("Add", "x", y)), tmp_path))


def test_einsum_of_matrices_is_one_product(tmp_path):
    net = Net(17, x=(1, 2, 3, 4), y=(1, 2, 5, 4))
    model = net.model(net.add("Einsum", "x", "y", equation="bhid,bhjd->bhij"))
    assert check_built(model, tmp_path).kinds() == ["matmul"]


@pytest.mark.parametrize(
    ("equation", "code"),
    [
        ("ij,jk->iz", "M002"),
        ("ij->ij", "M002"),
        ("ij,jk->ikk", "M002"),
        ("ijl,jk->ik", "M002"),
        ("i?,jk->ik", "M002"),
        ("", "M002"),
        ("ii,jk->ik", "M006"),
        ("ij,ik->jk", "M006"),
    ],
)
def test_broken_equations_are_refused(equation, code, tmp_path):
    net = Net(17, x=(3, 4), y=(4, 5))
    with pytest.raises(McuqError) as caught:
        read(save(net.model(net.add("Einsum", "x", "y", equation=equation)), tmp_path))
    assert {problem.code for problem in caught.value.problems} <= {code, "M002"}


@pytest.mark.parametrize(("exclusive", "reverse"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("axis", [-3, 1, 2])
def test_cum_sum(exclusive, reverse, axis, tmp_path):
    net = Net(14, x=(3, 4, 5))
    y = net.add("CumSum", "x", net.const(np.array(axis)), exclusive=exclusive, reverse=reverse)
    assert "linear" in check_built(net.model(y), tmp_path, least_db=25.0).steps()


def test_cum_sum_of_many_elements_is_refused(tmp_path):
    net = Net(14, x=(1, 1025))
    with pytest.raises(McuqError, match="1_025 elements"):
        read(save(net.model(net.add("CumSum", "x", net.const(np.array(1)))), tmp_path))
