"""The order of prompts is known for every epoch, so that a resumed run sees what it would have seen."""

from collections import Counter

import pytest

from cgc_train.sampling import EpochSampler


def sampler(**over: int) -> EpochSampler:
    return EpochSampler(**{"count": 7, "group": 2, "prompts": 3, "repeats": 2, "seed": 0} | over)  # type: ignore[arg-type]


def test_groups_stay_together_and_batches_repeat() -> None:
    given = list(sampler())
    assert len(given) == len(sampler()) == 2 * 3 * 2 * 2
    assert given[:12] == [0, 0, 1, 1, 2, 2] * 2, "the first epoch is in the rows' own order"
    assert set(Counter(given).values()) == {4}


@pytest.mark.parametrize("epoch", [0, 1, 2, 5])
def test_an_epoch_does_not_depend_on_those_before(epoch: int) -> None:
    gone_through = sampler()
    for before in range(epoch):
        gone_through.set_epoch(before)
        list(gone_through)
    gone_through.set_epoch(epoch)
    fresh = sampler()
    fresh.set_epoch(epoch)
    assert list(fresh) == list(gone_through)


def test_epochs_and_seeds_differ() -> None:
    orders = []
    for seed in (0, 1):
        for epoch in (1, 2):
            chosen = sampler(count=40, seed=seed)
            chosen.set_epoch(epoch)
            orders.append(tuple(chosen))
    assert len(set(orders)) == 4


def test_easy_rows_stay_first_in_later_epochs() -> None:
    grades = [0, 0, 0, 1, 1, 1]
    chosen = EpochSampler(6, group=1, prompts=1, repeats=1, seed=0, grades=grades)
    chosen.set_epoch(3)
    assert [grades[index] for index in chosen] == grades
