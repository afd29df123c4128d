import typing

import numpy as np
import pytest

from mcuq.calibrate.select import select_samples
from mcuq.options import Sampling

from .helpers import refusal

LABELS = np.array([0] * 50 + [1] * 30 + [2] * 3 + [7] * 17)


def test_first_keeps_the_order() -> None:
    assert list(select_samples(10, 3, "first")) == [0, 1, 2]
    assert list(select_samples(2, 3, "first")) == [0, 1]


def test_random_is_the_same_for_a_seed_on_every_machine() -> None:
    assert list(select_samples(100, 5, "random", seed=1)) == [9, 36, 61, 75, 93]
    other = select_samples(100, 5, "random", seed=2)
    assert list(other) != list(select_samples(100, 5, "random", seed=1))


@pytest.mark.parametrize("sampling", typing.get_args(Sampling))
def test_choices_are_ascending_and_distinct(sampling: Sampling) -> None:
    for count in (1, 9, 99, 100, 200):
        chosen = select_samples(100, count, sampling, LABELS)
        assert chosen.dtype == np.int64
        assert len(chosen) == min(count, 100)
        assert np.all(np.diff(chosen) > 0)
        assert 0 <= chosen[0] <= chosen[-1] < 100


def test_stratified_takes_the_classes_in_turn() -> None:
    for seed in range(5):
        chosen = LABELS[select_samples(100, 20, "stratified", LABELS, seed)]
        counts = {label: int(np.count_nonzero(chosen == label)) for label in (0, 1, 2, 7)}
        assert counts[2] == 3
        assert sorted(counts[label] for label in (0, 1, 7)) == [5, 6, 6]


def test_stratified_favours_no_class_in_the_last_turn() -> None:
    taken = {int(LABELS[select_samples(100, 1, "stratified", LABELS, seed)[0]]) for seed in range(60)}
    assert taken == {0, 1, 2, 7}


def test_stratified_needs_labels() -> None:
    refusal("O013", lambda: select_samples(10, 3, "stratified"))
