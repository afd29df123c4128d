"""Operators and blocks alone keep 30 dB and more at int8 in and out; docs/accuracy.md says how much."""

import pytest

from .isolated import BLOCKS, measured_db


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_block_alone_keeps_its_signal_to_noise(name):
    build, least = BLOCKS[name]
    assert least >= 30.0
    assert measured_db(build) >= least
