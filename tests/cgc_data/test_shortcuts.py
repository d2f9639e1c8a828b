"""Each shortcut is found where it was planted and not where it was not; a small release is let off with a note."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.validate import photo_roles, shortcuts
from cgc_data.validate.answer_counts import answer_images_by_objects, number_of_answer_images
from cgc_data.validate.answer_images import SIGNALS, answer_image_checks
from cgc_data.validate.classify import families, folds_of
from cgc_data.validate.fixed import fixed_answer
from cgc_data.validate.limits import Limits
from cgc_data.validate.report import Check
from cgc_data.validate.shortcuts import absent_share, shortcut_checks
from cgc_data.validate.statistics import clustered_auc, exact, fit_logistic, hit_rate, judge, uniformity, wilson
from cgc_data.validate.trace import Focus, Trace

Value = TypeVar("Value")
LABELS = ("dog", "cat", "bus", "cup", "kite")
WORDING = "absent from wording, label and sizes"


def honest(number: int, seed: int = 0) -> list[Trace]:
    """Traces of a release without shortcuts: sets of photos each asked in turn, absent rows twins of present ones."""
    rng = np.random.default_rng(seed)
    traces: list[Trace] = []
    while len(traces) < number:
        traces += _photo_sets(len(traces), rng)
        traces += _windows(len(traces), rng)
    return traces


def _photo_sets(start: int, rng: np.random.Generator) -> list[Trace]:
    count = int(rng.integers(2, 7))
    photos = [f"photo {p}" for p in rng.choice(400, 2 * count, replace=False)]
    label, template = str(rng.choice(LABELS)), f"locate/{rng.integers(8)}"
    order = rng.permutation(count).tolist()
    rows = []
    for place in range(count):
        row = _row(f"{start}-{place}", photos[:count], label, template, rng, (place + 1,))
        if rng.random() < 0.15:
            twin = _row(f"{row.id}-a", photos[count:], label, template, rng, ())
            rows.append(replace(twin, pair_id=f"pair {row.id}"))
            row = replace(row, pair_id=f"pair {row.id}")
        rows.append(row)
    return [_shuffled(row, order) for row in rows]


def _shuffled(row: Trace, order: list[int]) -> Trace:
    targets = frozenset(order.index(target - 1) + 1 for target in row.targets)
    return replace(row, targets=targets, photos=tuple(row.photos[place] for place in order))


def _row(
    name: str, photos: list[str], label: str, template: str, rng: np.random.Generator, targets: tuple[int, ...]
) -> Trace:
    sizes = tuple((int(w), int(h)) for w, h in rng.integers(400, 641, (len(photos), 2)))
    return Trace(
        id=name,
        contrast="inter",
        task="locate" if targets else "absent",
        template_id=template,
        label=label,
        words=frozenset((template, label, "where")),
        sizes=sizes,
        num_bytes=tuple(int(b) for b in rng.integers(40_000, 200_000, len(photos))),
        sharpness=tuple(float(v) for v in rng.spawn(1)[0].uniform(50, 2000, len(photos))),
        enlargements=tuple(float(e) for e in rng.uniform(1, 2, len(photos))),
        candidates=tuple(range(1, len(photos) + 1)),
        photos=tuple(photos),
        annotated=tuple(1 + sum(map(ord, photo)) % 17 for photo in photos),
        targets=frozenset(targets),
        boxes=tuple(_box(rng) for _ in targets),
        reference=None,
        relation="",
        named=False,
        tuple_id=photos[0] + photos[1],
        pair_id="",
        focus=None,
    )


def _box(rng: np.random.Generator) -> tuple[int, int, int, int]:
    x, y = (int(v) for v in rng.integers(0, 700, 2))
    return (x, y, x + int(rng.integers(60, 300)), y + int(rng.integers(60, 300)))


def _windows(start: int, rng: np.random.Generator) -> list[Trace]:
    base = _row(f"{start}-s", ["one photo"] * 2, str(rng.choice(LABELS)), "same_object/1", rng, (1,))
    boxes = rng.spawn(1)[0]
    first, second = _box(boxes), _box(boxes)
    focus = Focus(float(rng.uniform(0.03, 0.5)), tuple(rng.uniform(0, 1, 2).tolist()))
    common = {
        "contrast": "intra",
        "task": "same_object",
        "tuple_id": f"w{start}",
        "pair_id": f"s{start}",
        "named": True,
    }
    one = replace(base, **common, boxes=(second,), reference=first, focus=focus)
    return [one, replace(one, id=f"{start}-t", boxes=(first,), reference=second, targets=frozenset({2}), focus=None)]


def test_an_honest_release_has_no_shortcut() -> None:
    found = {c.name: c for c in shortcut_checks(honest(2000), Limits())}
    assert [name for name, c in found.items() if c.status == "fail"] == []
    assert found[WORDING].interval is not None
    assert found[WORDING].interval[0] < 0.5 < found[WORDING].interval[1]
    assert found["target position (inter)"].status == "pass"
    assert found["target photo is the odd one out"].status == "pass"


def test_reference_images_are_no_candidates() -> None:
    """The image that gives the box is always the most enlarged: that reveals nothing about the others."""
    rows = [
        replace(t, enlargements=(9.0, *t.enlargements[1:]), candidates=tuple(range(2, len(t.sizes) + 1)))
        for t in honest(1500)
        if t.task == "locate" and 1 not in t.targets and len(t.sizes) > 2
    ]
    assert _answer_image("enlargement")(rows).status == "pass"


def test_a_release_without_bytes_is_judged_by_the_rest() -> None:
    found = {c.name: c for c in answer_image_checks([replace(t, num_bytes=()) for t in honest(1500)])}
    assert found["answer image by bytes per pixel (inter)"].n == 0
    assert found["answer image by enlargement (inter)"].status == "pass"


def test_a_small_release_passes_with_a_note() -> None:
    found = {c.name: c for c in shortcut_checks(honest(60), Limits())}
    assert "fail" not in {c.status for c in found.values()}
    assert found[WORDING].status == "note"
    assert "too few" in found[WORDING].message
    assert found["focus offsets"].status == "note"


def failed(seed: int) -> list[str]:
    """Checks that a few families of rows of a correct release fail."""
    rows = honest(40, seed)
    some = sorted({row.tuple_id for row in rows})[: 1 + seed % 6]
    checks = shortcut_checks([row for row in rows if row.tuple_id in some], Limits())
    return [check.name for check in checks if check.status == "fail"]


def test_a_tiny_release_fails_no_more_often_than_its_intervals_allow() -> None:
    """One in forty for each of the measures, at 95 %."""
    fails = [name for seed in range(40) for name in failed(seed)]
    assert max(map(fails.count, fails), default=0) <= 3, fails


@pytest.mark.parametrize(
    ("rows", "absent", "status"),
    [(5, 1, "note"), (20, 4, "note"), (20, 12, "note"), (20, 18, "fail"), (200, 31, "fail")],
)
def test_the_share_of_absent_rows_is_judged_by_what_so_many_rows_can_tell(rows: int, absent: int, status: str) -> None:
    present, empty = ([t for t in honest(4000) if (t.task == "absent") is kind] for kind in (False, True))
    assert absent_share([*present[: rows - absent], *empty[:absent]]).status == status


@pytest.mark.parametrize(("counts", "uniform"), [((1, 2, 3), True), ((1, 1, 1), False)])
def test_how_many_images_hold_the_answer_is_measured(counts: tuple[int, ...], uniform: bool) -> None:
    row = next(t for t in honest(100) if t.task == "locate" and len(t.sizes) == 3)
    targets = [frozenset(range(1, count + 1)) for count in counts] * 20
    check = number_of_answer_images([replace(row, task="locate_all", targets=shown) for shown in targets])
    assert (check.status, check.n) == ("note", 60)
    assert check.value is not None
    assert (check.value > 0.5) == uniform


def test_an_empty_release() -> None:
    assert {c.status for c in shortcut_checks([], Limits())} <= {"note", "pass"}


def _absent_only(change: Callable[[Trace], Trace]) -> Callable[[Trace], Trace]:
    return lambda trace: change(trace) if trace.task == "absent" else trace


def _often(change: Callable[[Trace], Trace]) -> Callable[[Trace], Trace]:
    """The change in about half of the rows that leave open which image contains the answer."""
    return lambda trace: change(trace) if trace.task == "locate" and sum(trace.sizes[0]) % 2 else trace


def _swapped(trace: Trace, values: tuple[Value, ...], pick: Callable[[Sequence[float]], float]) -> tuple[Value, ...]:
    """The values in an order that gives the answer's image the greatest, or the least."""
    amounts = [float(np.prod(np.array(value))) for value in values]
    found, target, place = list(values), next(iter(trace.targets)) - 1, amounts.index(pick(amounts))
    found[place], found[target] = found[target], found[place]
    return tuple(found)


PLANTED: dict[str, tuple[Callable[[Trace], Trace], str]] = {
    "absent rows ask for other labels": (_absent_only(lambda t: replace(t, label="dog")), WORDING),
    "absent rows are worded otherwise": (_absent_only(lambda t: replace(t, template_id="locate/3")), WORDING),
    "absent rows have a word of their own": (_absent_only(lambda t: replace(t, words=t.words | {"any"})), WORDING),
    "absent rows have smaller images": (
        _absent_only(lambda t: replace(t, sizes=tuple((w // 2, h) for w, h in t.sizes))),
        WORDING,
    ),
    "absent rows have smaller files": (
        _absent_only(lambda t: replace(t, num_bytes=tuple(b // 4 for b in t.num_bytes))),
        "absent from sizes and bytes",
    ),
    "the target comes first": (
        lambda t: replace(t, targets=frozenset({1})) if t.task == "locate" else t,
        "target position (inter)",
    ),
    "targets are always the same photos": (
        lambda t: (
            replace(t, photos=tuple("star" if n in t.targets else p for n, p in enumerate(t.photos, 1)))
            if t.task == "locate"
            else t
        ),
        "target photo is the odd one out",
    ),
    "photos with the answer show more": (
        lambda t: replace(t, annotated=tuple(9 if n in t.targets else 3 for n in range(1, len(t.sizes) + 1))),
        "answer images by number of objects",
    ),
    "photos with the answer show less": (
        lambda t: replace(t, annotated=tuple(1 if n in t.targets else 30 for n in range(1, len(t.sizes) + 1))),
        "answer images by number of objects",
    ),
    "objects are in the center": (
        lambda t: replace(t, boxes=((240, 260, 740, 760),)) if t.task == "same_object" else t,
        "center box floor",
    ),
    "objects are in one corner": (
        lambda t: replace(t, boxes=((20, 30, 400, 380 + sum(t.sizes[0]) % 40),)) if t.task == "same_object" else t,
        "fixed answer (intra/same_object)",
    ),
    "the reference can be copied": (
        lambda t: replace(t, reference=t.boxes[0]) if t.task == "same_object" else t,
        "copied reference floor",
    ),
    "the object fills the Focus View": (
        lambda t: replace(t, focus=Focus(0.8, t.focus.places)) if t.focus else t,
        "focus cover",
    ),
    "Focus Views are centered": (
        lambda t: replace(t, focus=Focus(0.2, (0.5, 0.45))) if t.focus else t,
        "focus offsets",
    ),
    "answers are in the most enlarged image": (
        _often(lambda t: replace(t, enlargements=_swapped(t, t.enlargements, max))),
        "answer image by enlargement (inter)",
    ),
    "answers are in the smallest file": (
        _often(lambda t: replace(t, num_bytes=_swapped(t, t.num_bytes, min))),
        "answer image by file size (inter)",
    ),
    "answers are in the largest view": (
        _often(lambda t: replace(t, sizes=_swapped(t, t.sizes, max))),
        "answer image by view size (inter)",
    ),
    "answers are in the sharpest image": (
        _often(lambda t: replace(t, sharpness=_swapped(t, t.sharpness, max))),
        "answer image by sharpness (inter)",
    ),
    "answers are in the most blurred image": (
        _often(lambda t: replace(t, sharpness=_swapped(t, t.sharpness, min))),
        "answer image by sharpness (inter)",
    ),
    "answers have the most bytes per pixel": (
        _often(lambda t: replace(t, sizes=((500, 500),) * len(t.sizes), num_bytes=_swapped(t, t.num_bytes, max))),
        "answer image by bytes per pixel (inter)",
    ),
    "too many absent rows": (
        lambda t: (
            replace(t, task="absent", targets=frozenset(), boxes=())
            if t.task == "locate" and t.sizes[0][0] < 480
            else t
        ),
        "absent share",
    ),
}


def _answer_image(name: str) -> Callable[[list[Trace]], Check]:
    wanted = f"answer image by {name} (inter)"
    return lambda rows: next(check for check in answer_image_checks(rows) if check.name == wanted)


GUARDS: dict[str, Callable[[list[Trace]], Check]] = {
    WORDING: shortcuts.absent_classifier,
    "absent from sizes and bytes": shortcuts.absent_from_images,
    "answer images by number of objects": answer_images_by_objects,
    "target position (inter)": lambda rows: shortcuts.target_position(
        [t for t in rows if t.contrast == "inter"], "inter"
    ),
    "target photo is the odd one out": photo_roles.odd_one_out,
    "center box floor": shortcuts.center_floor,
    "copied reference floor": shortcuts.copy_floor,
    "fixed answer (intra/same_object)": lambda rows: fixed_answer(
        "fixed answer (intra/same_object)", [t for t in rows if t.task == "same_object"]
    ),
    "focus cover": lambda rows: shortcuts.focus_cover(rows, Limits()),
    "focus offsets": shortcuts.focus_offsets,
    "absent share": shortcuts.absent_share,
    **{f"answer image by {name} (inter)": _answer_image(name) for name in SIGNALS},
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_shortcut_is_found(name: str) -> None:
    change, guard = PLANTED[name]
    found = GUARDS[guard]([change(trace) for trace in honest(1500)])
    assert (found.name, found.status) == (guard, "fail")


COUNTS_AND_P_VALUES = {"absent share", "focus cover", "focus offsets", "target position"}


def test_every_guard_with_a_bound_is_planted_and_has_an_interval() -> None:
    bounded = [check for check in shortcut_checks(honest(1500), Limits()) if check.bound is not None and check.n]
    assert {_kind(check.name) for check in bounded} == {_kind(guard) for _, guard in PLANTED.values()}
    assert {_kind(check.name) for check in bounded if check.interval is None} <= COUNTS_AND_P_VALUES


def _kind(name: str) -> str:
    """A guard of any task or contrast."""
    return re.sub(r" \(.*\)", "", name)


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 6))
    truths = features @ np.array([1, -2, 0.5, 0, 0, 1]) + rng.normal(size=300) > 0.4
    expected = linear_model.LogisticRegression(C=1.0, tol=1e-8).fit(features, truths)
    found = fit_logistic(features, truths)
    np.testing.assert_allclose(found[:-1], expected.coef_[0], atol=1e-2)
    assert found[-1] == pytest.approx(float(expected.intercept_[0]), abs=1e-2)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=60))
def test_auc_is_the_share_of_pairs_in_order(entries: list[tuple[int, bool]]) -> None:
    scores, truths = np.array([float(s) for s, _ in entries]), np.array([t for _, t in entries])
    positive, negative = scores[truths], scores[~truths]
    zeros = np.zeros(len(entries), dtype=np.int64)
    auc, (low, high) = clustered_auc(scores, truths, np.arange(len(entries)), zeros)
    if len(positive) and len(negative):
        wins = (positive[:, None] > negative).sum() + 0.5 * (positive[:, None] == negative).sum()
        assert auc == pytest.approx(wins / (len(positive) * len(negative)))
        assert low <= high
    else:
        assert (auc, low, high) == (0.5, 0.0, 1.0)


def test_an_interval_of_clusters_is_wider_than_of_rows() -> None:
    rng = np.random.default_rng(2)
    truths = np.repeat(rng.random(40) < 0.5, 10)
    scores = np.repeat(rng.normal(size=40), 10) + truths
    strata = np.zeros(400, dtype=np.int64)
    _, rows = clustered_auc(scores, truths, np.arange(400), strata)
    _, clusters = clustered_auc(scores, truths, np.arange(400) // 10, strata)
    assert clusters[1] - clusters[0] > 1.5 * (rows[1] - rows[0])


@pytest.mark.parametrize(("interval", "status"), [((0.4, 0.5), "pass"), ((0.5, 0.6), "note"), ((0.56, 0.7), "fail")])
def test_only_a_whole_interval_beyond_the_bound_fails(interval: tuple[float, float], status: str) -> None:
    assert judge("name", sum(interval) / 2, interval, 0.55, 100, "what").status == status


def test_exact_interval() -> None:
    assert exact(1, 1) == pytest.approx((0.025, 1.0))
    assert exact(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert exact(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)


@pytest.mark.parametrize(("rows", "status"), [(1, "note"), (4, "fail")])
def test_a_single_hit_fails_no_release(rows: int, status: str) -> None:
    rate, interval = hit_rate(np.ones(rows), np.arange(rows))
    assert judge("floor", rate, interval, 0.1, rows, "hits").status == status


@pytest.mark.parametrize("groups", [10, 29, 30, 100])
def test_no_hits_do_not_prove_that_there_never_are_any(groups: int) -> None:
    rate, (low, high) = hit_rate(np.zeros(2 * groups), np.repeat(np.arange(groups), 2))
    assert (rate, low) == (0, 0)
    assert high >= wilson(0, groups)[1]


def test_wilson_interval() -> None:
    low, high = wilson(0, 100)
    assert low == pytest.approx(0)
    assert high == pytest.approx(0.037, abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_uniformity_adds_up_tables() -> None:
    even, skewed = np.array([50.0, 50.0]), np.array([90.0, 10.0])
    assert uniformity([even, even])[1] == 1.0
    assert uniformity([skewed])[1] < 1e-6
    assert uniformity([])[1] == 1.0


def test_places_are_counted_among_the_images_that_may_hold_the_answer() -> None:
    """Image 1 gives an example and never contains the answer, which is not a shortcut; always the last image is one."""
    rng = np.random.default_rng(0)
    base = [
        replace(_row(str(k), ["a", "b", "c"], "dog", "exemplar/1", rng, (3,)), candidates=(2, 3)) for k in range(99)
    ]
    last = [replace(row, task="exemplar") for row in base]
    spread = [replace(row, targets=frozenset({2 + place % 2})) for place, row in enumerate(last)]
    named = {check.name: check.status for check in shortcut_checks(last, Limits())}
    assert named["target position (inter)"] == "fail"
    named = {check.name: check.status for check in shortcut_checks(spread, Limits())}
    assert named["target position (inter)"] == "pass"


def test_pairs_and_tuples_make_one_family() -> None:
    first, second, third, fourth = honest(10)[:4]
    rows = [
        replace(first, tuple_id="a", pair_id="x"),
        replace(second, tuple_id="b", pair_id="x"),
        replace(third, tuple_id="b", pair_id=""),
        replace(fourth, tuple_id="c", pair_id=""),
    ]
    groups = families(rows)
    assert groups[0] == groups[1] == groups[2] != groups[3]
    folds = folds_of(families(honest(500)))
    assert set(folds.tolist()) == set(range(5))
