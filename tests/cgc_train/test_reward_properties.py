"""Properties that hold for every answer: what is best, what is never rewarded more, what changes nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cgc_data.answer import Object, format_response
from cgc_data.geometry import iou
from cgc_data.metrics import Truth
from cgc_train.reward import RewardSettings, Terms, score
from tests.cgc_data.responses import messy_text, sides, wrapped

IMAGES = 4
boxes = st.builds(lambda x, y: (x[0], y[0], x[1], y[1]), sides, sides)
dogs = st.builds(Object, st.integers(1, IMAGES), boxes, st.just("dog"))
answers = st.lists(dogs, max_size=5, unique=True)
options = st.builds(
    RewardSettings,
    power=st.sampled_from([0.5, 1.0, 2.0]),
    floor=st.sampled_from([0.0, 0.3, 0.7]),
    format_needs_miou=st.booleans(),
)
ablations = st.builds(RewardSettings, source_aware=st.booleans(), set_wise=st.booleans())


def truth_with(objects: list[Object]) -> Truth:
    return Truth(
        id="row",
        contrast="inter",
        task="locate_all" if objects else "absent",
        num_images=IMAGES,
        objects=tuple(objects),
        labels=("dog",),
        img_idx=None,
        ref_img_idx=None,
        ref_bbox=None,
        safe_images=frozenset(range(1, IMAGES + 1)) - {item.img_idx for item in objects},
        photos="",
        pair_id="",
        difficulty=0,
    )


def earned(given: list[Object], truths: list[Object], settings: RewardSettings | None = None) -> Terms:
    return score(format_response(given, "Looked."), truth_with(truths), settings)


@given(answers, st.randoms(), options | ablations)
def test_the_true_answer_earns_everything_in_any_order(
    truths: list[Object], shuffler: st.randoms, settings: RewardSettings
) -> None:
    objects = list(truths)
    shuffler.shuffle(objects)
    listed = ", ".join(format_response([item])[len("<answer>[") : -len("]</answer>")] for item in objects)
    terms = score(wrapped(f"[{listed}]"), truth_with(truths), settings)
    assert (terms.miou, terms.format, terms.reward) == (1, 1, 2)


@given(answers, answers, options | ablations)
def test_never_more_than_everything(given: list[Object], truths: list[Object], settings: RewardSettings) -> None:
    assert 0 <= earned(given, truths, settings).miou <= 1


@given(answers, answers, options)
def test_everything_is_earned_by_the_true_boxes_alone(
    given: list[Object], truths: list[Object], settings: RewardSettings
) -> None:
    assume(set(given) != set(truths))
    assert earned(given, truths, settings).miou < 1


@given(messy_text, answers, options | ablations)
def test_no_text_raises_or_earns_more_than_everything(
    text: str, truths: list[Object], settings: RewardSettings
) -> None:
    terms = score(text, truth_with(truths), settings)
    assert 0 <= terms.miou <= 1
    assert terms.format in (0, 1)


@given(dogs, dogs, answers, answers, st.integers(0, 1000), options)
def test_a_box_on_its_way_to_the_truth_never_loses(
    start: Object, target: Object, others: list[Object], rest: list[Object], step: int, settings: RewardSettings
) -> None:
    """Moved toward a true box on a straight line; all other boxes are in other images."""
    box = replace(start, img_idx=target.img_idx)
    moved = replace(box, bbox_2d=_between(box.bbox_2d, target.bbox_2d, step))
    apart = [item for item in rest if item.img_idx != target.img_idx]
    elsewhere = [item for item in others if item.img_idx != target.img_idx]
    before = earned([box, *elsewhere], [target, *apart], settings)
    after = earned([moved, *elsewhere], [target, *apart], settings)
    assert after.miou >= before.miou - 1e-9


@given(dogs, dogs, st.integers(0, 999))
def test_a_box_nearer_to_the_truth_gains(start: Object, target: Object, step: int) -> None:
    near, far = (_between(start.bbox_2d, target.bbox_2d, share) for share in (step + 1, step))
    gain = iou(near, target.bbox_2d) - iou(far, target.bbox_2d)
    one, other = (earned([replace(target, bbox_2d=box)], [target]).miou for box in (near, far))
    assert one - other == pytest.approx(gain)
    assert gain >= -1e-9


@given(answers, answers, st.permutations(range(1, IMAGES + 1)), options | ablations)
def test_images_permuted_with_their_indices_change_nothing(
    given: list[Object], truths: list[Object], order: list[int], settings: RewardSettings
) -> None:
    def shown(items: list[Object]) -> list[Object]:
        return [replace(item, img_idx=order[item.img_idx - 1]) for item in items]

    before, after = earned(given, truths, settings), earned(shown(given), shown(truths), settings)
    assert after.reward == pytest.approx(before.reward)
    assert after.item.distractor_boxes == before.item.distractor_boxes


@given(answers, answers, st.integers(1, IMAGES), st.data())
def test_an_unrelated_image_changes_nothing(
    given: list[Object], truths: list[Object], unrelated: int, data: st.DataObject
) -> None:
    """Boxes in an image that has no true object are worth the same, for any boxes and any number of them."""
    assume(all(item.img_idx != unrelated for item in truths))
    inside = [item for item in given if item.img_idx == unrelated]
    drawn = data.draw(st.lists(boxes, min_size=len(inside), max_size=len(inside), unique=True))
    others = [item for item in given if item.img_idx != unrelated]
    changed = [*others, *(Object(unrelated, box, "dog") for box in drawn)]
    assert earned(changed, truths).miou == pytest.approx(earned(given, truths).miou)


def drop_one(given: list[Object], truths: list[Object], place: int) -> list[Object]:
    """The answer without an entry that matches nothing."""
    useless = [k for k, item in enumerate(given) if all(_overlap(item, other) == 0 for other in truths)]
    assume(useless)
    gone = useless[place % len(useless)]
    return [item for k, item in enumerate(given) if k != gone]


def add_missing(given: list[Object], truths: list[Object], place: int) -> list[Object]:
    """The answer with a true object that it missed, where it has room."""
    assume(len(given) < len(truths))
    missed = [item for item in truths if item not in given]
    return [*given, missed[place % len(missed)]]


def mend_one(given: list[Object], truths: list[Object], place: int) -> list[Object]:
    """The answer with an entry that matches nothing replaced by a true object that it missed."""
    missed = [item for item in truths if item not in given]
    assume(missed)
    return [*drop_one(given, truths, place), missed[place % len(missed)]]


@pytest.mark.parametrize("better", [drop_one, add_missing, mend_one])
@given(given=answers, truths=answers, place=st.integers(0, 9), settings=options)
def test_a_strictly_better_set_never_scores_lower(
    better: Callable[[list[Object], list[Object], int], list[Object]],
    given: list[Object],
    truths: list[Object],
    place: int,
    settings: RewardSettings,
) -> None:
    mended = better(given, truths, place)
    assert earned(mended, truths, settings).reward >= earned(given, truths, settings).reward - 1e-9


@given(answers, answers)
def test_without_the_source_the_reward_is_never_lower(given: list[Object], truths: list[Object]) -> None:
    assert earned(given, truths, RewardSettings(source_aware=False)).miou >= earned(given, truths).miou - 1e-9


@given(answers, answers)
def test_without_sets_the_reward_is_never_lower(given: list[Object], truths: list[Object]) -> None:
    assert earned(given, truths, RewardSettings(set_wise=False)).miou >= earned(given, truths).miou - 1e-9


def _between(start: tuple[int, ...], target: tuple[int, ...], step: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (a + round((b - a) * step / 1000) for a, b in zip(start, target, strict=True))
    assume(x1 < x2 and y1 < y2)
    return (x1, y1, x2, y2)


def _overlap(item: Object, other: Object) -> float:
    return iou(item.bbox_2d, other.bbox_2d) if item.img_idx == other.img_idx else 0.0
