"""Paired differences: what is counted, how certain it is, and the correction for many tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_bench.report.paired import compare_units
from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics.paired import holm, sign_flip


def unit(index: int, value: float | None, task: str = "a", cluster: str = "") -> ItemResult:
    return ItemResult(task, str(index), "", {"m": value}, cluster or str(index))


def test_only_items_that_both_answered_count() -> None:
    base = [unit(0, 1.0), unit(1, 0.0), unit(2, 0.0), unit(3, None)]
    new = [unit(1, 1.0), unit(2, 0.0), unit(3, 1.0), unit(4, 1.0)]
    (found,) = compare_units(base, new, "m")
    assert (found.n, found.base, found.new, found.won, found.lost) == (2, 0.0, 0.5, ("1",), ())


def test_equal_runs_differ_by_nothing() -> None:
    units = [unit(i, float(i % 2)) for i in range(20)]
    (found,) = compare_units(units, units, "m")
    assert (found.p, found.corrected, found.low, found.high) == (1.0, 1.0, 0.0, 0.0)


def test_items_of_one_cluster_are_one_piece_of_evidence() -> None:
    gains = np.ones(12)
    apart, together = sign_flip(gains, np.arange(12)), sign_flip(gains, np.zeros(12, dtype=np.intp))
    assert apart < 0.01
    assert together == 1.0


def test_p_is_that_of_the_exact_test() -> None:
    # six clusters, all won: 2 of 2 ** 6 sign patterns are as far from 0
    assert sign_flip(np.ones(6), np.arange(6)) == pytest.approx(2 / 2**6, abs=0.01)


@pytest.mark.parametrize(
    ("values", "corrected"),
    [([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.5], [0.5]), ([0.9, 0.8], [1.0, 1.0]), ([], [])],
)
def test_holm(values: list[float], corrected: list[float]) -> None:
    assert holm(values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_correction_only_raises_and_keeps_the_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(value <= new + 1e-12 <= 1 + 1e-12 for value, new in zip(values, corrected, strict=True))
    ranked = [new for _, new in sorted(zip(values, corrected, strict=True))]
    assert ranked == sorted(ranked)
