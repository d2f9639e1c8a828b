"""Paired differences: what is counted, how certain it is, and the correction for many tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_bench.report.paired import Comparison, compare_all, compare_units
from cgc_bench.scoring.benchmark import ItemResult
from cgc_data.metrics.paired import holm, sign_flip


def unit(index: int, value: float | None, task: str = "a", cluster: str = "", subtask: str = "") -> ItemResult:
    return ItemResult(task, str(index), "", {"m": value}, cluster or str(index), subtask=subtask)


def compared(base: list[ItemResult], new: list[ItemResult]) -> Comparison:
    found = compare_units(base, new, "m")
    assert found is not None
    return found


def test_only_items_that_both_answered_count() -> None:
    base = [unit(0, 1.0), unit(1, 0.0), unit(2, 0.0), unit(3, None)]
    new = [unit(1, 1.0), unit(2, 0.0), unit(3, 1.0), unit(4, 1.0)]
    (found,) = compared(base, new).tasks
    assert (found.n, found.base, found.new) == (2, 0.0, 0.5)
    assert ([one.index for one in found.won], found.lost) == (["1"], ())


def test_runs_that_share_no_item_do_not_compare() -> None:
    assert compare_units([unit(0, 1.0)], [unit(1, 1.0)], "m") is None


def test_equal_runs_differ_by_nothing() -> None:
    units = [unit(i, float(i % 2)) for i in range(20)]
    found = compared(units, units)
    for one in (*found.tasks, found.mean):
        assert (one.p, one.corrected, one.low, one.high) == (1.0, 1.0, 0.0, 0.0)


def test_the_mean_of_tasks_weighs_them_alike_whatever_their_items() -> None:
    base = [unit(i, 0.0) for i in range(90)] + [unit(100 + i, 0.0, "b") for i in range(10)]
    new = [unit(i, 0.0) for i in range(90)] + [unit(100 + i, 1.0, "b") for i in range(10)]
    mean = compared(base, new).mean
    assert (mean.n, mean.base, mean.new) == (100, 0.0, 0.5)
    assert mean.p == pytest.approx(2 / 2**10, abs=0.002), "ten clusters, all won"
    assert mean.low == mean.high == 0.5, "nothing varies within a task"


def test_the_interval_of_the_mean_holds_the_difference_and_p_agrees_with_it() -> None:
    values = np.random.default_rng(0).integers(0, 2, (2, 200))
    base = [unit(i, float(v), "ab"[i % 2]) for i, v in enumerate(values[0])]
    new = [unit(i, float(v), "ab"[i % 2]) for i, v in enumerate(values[1])]
    mean = compared(base, new).mean
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < mean.new - mean.base < mean.high
    assert (mean.p < 0.05) == (mean.low > 0 or mean.high < 0)


def test_a_cluster_that_two_tasks_share_is_one_piece_of_evidence() -> None:
    def answers(value: float, shared: bool) -> list[ItemResult]:
        return [unit(i, value, "ab"[i % 2], str(i // 2 if shared else i)) for i in range(12)]

    apart, together = (compared(answers(0.0, shared), answers(1.0, shared)).mean.p for shared in (False, True))
    assert apart < 0.01 < together


def test_p_is_corrected_over_the_tasks_of_all_models() -> None:
    base = [unit(i, 0.0) for i in range(8)]
    better = [unit(i, 1.0) for i in range(8)]
    (one,), two = ([c for c in compare_all(base, others, "m") if c] for others in ([better], [better, base]))
    assert two[0].tasks[0].corrected == pytest.approx(2 * one.tasks[0].corrected)
    assert two[0].mean.corrected == one.mean.p, "the mean stays as it is"


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


def test_each_subtask_of_a_task_is_compared_and_does_not_change_the_mean() -> None:
    def answers(value: float) -> list[ItemResult]:
        first = [unit(i, value, subtask="a/x") for i in range(6)]
        rest = [unit(10 + i, 1 - value, subtask="a/y") for i in range(12)]
        return [*first, *rest, *(unit(30 + i, value, "b", subtask="b/z") for i in range(9))]

    (found,) = [one for one in compare_all(answers(0.0), [answers(1.0)], "m") if one]
    assert [(one.task, one.n, one.new - one.base) for one in found.subtasks] == [("a/x", 6, 1.0), ("a/y", 12, -1.0)]
    assert [one.corrected for one in found.subtasks] == pytest.approx(holm([one.p for one in found.subtasks]))
    assert [one.task for one in found.tasks] == ["a", "b"], "a task with a single subtask has no second line"
    assert found.mean.new == pytest.approx((6 / 18 + 1) / 2)
