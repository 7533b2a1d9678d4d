"""Each front before each server, as shipped: what a visitor, and whoever pays for the answers, sees of it."""

from __future__ import annotations

import pytest

from tests.hosting.fronts.cells import CELLS, CHECKS


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_front_before_a_server(asked, cell, check):
    assert asked.said(cell, check) == cell.expects(check)
