"""Windows that show a category and windows that miss it: true at every offset, with a look that reveals nothing."""

from collections import Counter
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgc_data.config import BuildConfig, Limits, Source
from cgc_data.geometry import Window, iou
from cgc_data.images import Pixels
from cgc_data.index.build import Index
from cgc_data.masks import Box, run_lengths_rle
from cgc_data.plan.detail import GRAIN, Detail, summed_detail
from cgc_data.plan.drawn_windows import DrawnWindows, Frames, draw_offsets
from cgc_data.plan.extents import Extent, count_fitting, seen, seen_box
from cgc_data.plan.parting import LEVEL, Parted, Parting, draw_level
from cgc_data.plan.rng import generator
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import MAX_OVERLAP, askable_in
from cgc_data.vocabulary import concept_of
from tests.cgc_data.drawn import HEIGHT, WIDTH, Thing, coco, index_of

DISC = [160 + 50 * f(a) if f is np.cos else 120 + 50 * f(a) for a in np.linspace(0, 6.2, 40) for f in (np.cos, np.sin)]
# instances are sorted by concept: airplane 0, banana 1 and 2, dog 3
THINGS = [
    Thing("airplane", (110, 70, 100, 100), {"segmentation": [DISC]}),
    Thing("banana", (5, 5, 60, 30)),
    Thing("banana", (240, 190, 70, 40)),
    Thing("dog", (250.5, 20.25, 45, 40), {"segmentation": None}),
]
SEEDS = st.integers(0, 2**20)
STEP = 8  # pixels
SOURCED = BuildConfig(sources=[Source(kind="coco", annotations="", images="")])
CONFIG = BuildConfig.model_validate({"intra": {"view_sizes": [192, 256, 320]}})


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("parting")
    return index_of(coco(folder, {"a.jpg": THINGS}), cache=folder)


@pytest.fixture(scope="module")
def truth(index: Index) -> Truth:
    return Truth(index, CONFIG.limits)


@pytest.fixture(scope="module")
def parting(index: Index, truth: Truth) -> Parting:
    return Parting(index, truth, CONFIG, Detail(index, SOURCED))


def windows_of(photo: tuple[int, int], *size: int, shown_at: tuple[int, int] | None = None) -> DrawnWindows:
    """All windows of one size whose offsets are multiples of STEP."""
    frames = Frames(*(np.array([side]) for side in (*size, *(shown_at or size))))
    offsets = product(*(range(0, most - side + 1, STEP) for most, side in zip(photo, size, strict=True)))
    left, top = np.array(list(offsets)).T[:, None]
    return DrawnWindows(0, frames, left, top)


@given(
    instances=st.sets(st.integers(0, 3), min_size=1),
    size=st.tuples(st.integers(60, WIDTH), st.integers(60, HEIGHT)),
    seed=SEEDS,
)
def test_every_offset_shows_what_its_window_is_seen_to_show(
    truth: Truth, instances: set[int], size: tuple[int, int], seed: int
) -> None:
    frames = Frames(*(np.array([side]) for side in (*size, *size)))
    windows = draw_offsets(0, (WIDTH, HEIGHT), frames, 12, generator(seed))
    limits = Limits(min_side=1, min_area=0, max_aspect=1000)
    count, free = count_fitting([truth.extent(i) for i in sorted(instances)], windows, limits)
    for offset in range(12):
        states = Counter(truth.see(i, windows.view(0, offset, "").window).state for i in instances)
        assert free[0, offset] == (states["gone"] == len(instances))
        assert count[0, offset] == (0 if states["ambiguous"] else states["visible"])


def test_offsets_are_on_a_grid_that_reaches_the_borders_of_the_photo() -> None:
    frames = Frames(*(np.array([side]) for side in (WIDTH - 9, HEIGHT, WIDTH - 9, HEIGHT)))
    windows = draw_offsets(0, (WIDTH, HEIGHT), frames, 4000, generator(0))
    left, counts = np.unique(windows.left[0], return_counts=True)
    assert left.tolist() == [0, 4, 9]
    assert counts == pytest.approx(4000 / 3, abs=150)
    assert windows.right.max() == WIDTH
    assert not windows.top.any()
    assert (windows.bottom == HEIGHT).all()


@given(width=st.integers(20, WIDTH), height=st.integers(20, HEIGHT), seed=SEEDS)
def test_overlap_is_iou(width: int, height: int, seed: int) -> None:
    windows, other = windows_of((WIDTH, HEIGHT), width, height), Window(40, 30, 200, 170)
    offset = int(generator(seed).integers(windows.left.size))
    window = windows.view(0, offset, "").window
    expected = iou((window.x1, window.y1, window.x2, window.y2), (40, 30, 200, 170))
    assert windows.overlap(other)[0, offset] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("box", "fits"),
    [
        ((20, 20, 60, 60), True),
        ((20, 20, 43, 60), False),  # narrow in the photo, though not in the view
        ((20, 20, 150, 45), False),  # long
    ],
)
def test_boxes_that_cannot_be_asked_for_are_not_counted(box: Box, fits: bool) -> None:
    windows = windows_of((200, 200), 200, 200, shown_at=(400, 400))
    count, free = count_fitting([Extent(box, None)], windows, Limits())
    assert count.tolist() == [[int(fits)]]
    assert not free.any()


@given(seed=SEEDS, margin=st.integers(0, 12))
def test_a_box_is_whole_or_missed_as_a_mask_that_fills_it_is(seed: int, margin: int) -> None:
    windows, limits = windows_of((WIDTH, HEIGHT), 120, 90), Limits(margin=margin, visible=1.0)
    x, y, width, height = generator(seed).integers([0, 0, 1, 1], [200, 150, 120, 90]).tolist()
    box = (float(x), float(y), float(x + width), float(y + height))
    filled = Extent.of_mask(box, run_lengths_rle(_rectangle(x, y, width, height), HEIGHT, WIDTH))
    for by_mask, by_box in zip(seen(filled, windows, limits), seen_box(box, windows, limits), strict=True):
        assert (by_mask == by_box).all()


def _rectangle(x: int, y: int, width: int, height: int) -> list[int]:
    runs = [x * HEIGHT + y, *([height, HEIGHT - height] * width)]
    return [*runs[:-1], HEIGHT * WIDTH - sum(runs[:-1])]


@given(name=st.sampled_from(["airplane", "banana", "dog"]), seed=SEEDS, count=st.integers(2, 4), data=st.data())
@settings(deadline=None)
def test_windows_show_the_category_where_they_are_to(
    index: Index, truth: Truth, parting: Parting, name: str, seed: int, count: int, data: st.DataObject
) -> None:
    rng, concept = generator(seed), index.position[concept_of(name)]
    parted = parting.parted(0, concept, rng)
    sizes = parting.choose(parted, count, rng) if parted else []
    holding = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    views = parting.lay(parted, sizes, holding, rng) if parted and sizes else ()
    for view, holds in zip(views, holding, strict=False):
        sightings = [truth.see(i, view.window) for i in index.instances.of(0, concept).tolist()]
        assert {s.state for s in sightings} <= {"visible", "gone"}
        assert any(s.state == "visible" for s in sightings) is holds
        assert all(s.box is None or s.share < 1 or askable_in(view, s.box, CONFIG.limits) for s in sightings)
        assert max(view.width, view.height) <= 2 * max(view.window.width, view.window.height)
    boxes = [(v.window.x1, v.window.y1, v.window.x2, v.window.y2) for v in views]
    assert all(iou(a, b) <= MAX_OVERLAP for i, a in enumerate(boxes) for b in boxes[:i])
    scales = parted.windows.frames.scale[sizes].tolist() if parted else []
    assert all(scale >= CONFIG.intra.context_scale * scales[0] for scale in scales[1:])


def test_windows_are_found_for_most_draws(index: Index, parting: Parting) -> None:
    """So that the property above is not that of nothing."""
    found = 0
    for seed in range(40):
        rng = generator(seed)
        parted = parting.parted(0, index.position[concept_of("dog")], rng)
        sizes = parting.choose(parted, 2, rng) if parted else []
        found += bool(parted and sizes and parting.lay(parted, sizes, [True, False], rng))
    assert found > 20


def test_sizes_and_levels_are_those_of_both_kinds() -> None:
    """Detail grows from left to right; the category is shown in the right two thirds and missed in the left two."""
    windows = windows_of((400, 100), 100, 100)
    columns = windows.left.shape[1]
    place = np.arange(columns)[None, :]
    count, free = (place >= columns // 3).astype(np.int64), place < 2 * columns // 3
    parted = Parted.of(windows, count, free, (place + 0.5) * LEVEL)
    drawn = {int(level) for level in np.flatnonzero(parted.shares[0])}
    assert drawn == set(range(columns // 3, 2 * columns // 3))
    assert parted.shares.sum() == pytest.approx(1)


def test_a_size_whose_kinds_differ_in_detail_everywhere_is_left_out() -> None:
    windows = windows_of((400, 100), 100, 100)
    shown = windows.left > 150
    parted = Parted.of(windows, shown.astype(np.int64), ~shown, shown.astype(np.float64))
    assert not len(parted.sizes)


@given(chances=st.lists(st.sampled_from([0.0, 0.1, 2.0]), min_size=1).filter(any), seed=SEEDS)
def test_only_levels_with_a_chance_are_drawn(chances: list[float], seed: int) -> None:
    assert chances[draw_level(np.array(chances), generator(seed))] > 0


def pixels(seed: int = 0) -> Pixels:
    """Noise on the right, one gray on the left, (HEIGHT, WIDTH, 3)."""
    found = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    found[:, WIDTH // 2 :] = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH // 2, 1))
    return found


def test_detail_is_where_the_noise_is() -> None:
    sums = summed_detail(pixels())
    assert sums.shape == (HEIGHT // GRAIN + 1, WIDTH // GRAIN + 1)
    assert sums[-1, WIDTH // GRAIN // 2] == pytest.approx(0, abs=1e-3)
    assert sums[-1, -1] / (HEIGHT * WIDTH / GRAIN**2 / 2) > 2


def test_detail_follows_the_bytes_of_a_window() -> None:
    """Between smooth and noisy photos: more bytes per pixel mean more detail."""
    smooth = cv2.GaussianBlur(pixels()[:, WIDTH // 2 :], (0, 0), 3)
    steps = [cv2.addWeighted(smooth, 1 - share, pixels()[:, WIDTH // 2 :], share, 0) for share in (0, 0.1, 0.3, 1)]
    detail = [summed_detail(step)[-1, -1] for step in steps]
    size = [len(cv2.imencode(".jpg", step, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]) for step in steps]
    assert detail == sorted(detail)
    assert size == sorted(size)


def test_detail_of_a_window_is_its_mean(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": THINGS})
    detail = Detail(index_of(source, cache=tmp_path), SOURCED)
    left, whole = (windows_of((WIDTH, HEIGHT), width, HEIGHT) for width in (WIDTH // 2, WIDTH))
    halves = np.exp(detail.of(left))
    assert (halves[0, 0] + halves[0, -1]) / 2 == pytest.approx(np.exp(detail.of(whole)[0, 0]), rel=1e-6)
    assert np.ptp(halves) > 0


def test_a_photo_that_cannot_be_read_has_no_detail(tmp_path: Path) -> None:
    index = index_of(coco(tmp_path, {"a.jpg": THINGS}), cache=tmp_path)
    (tmp_path / "images" / "a.jpg").write_bytes(b"no photo")
    assert np.ptp(Detail(index, SOURCED).of(windows_of((WIDTH, HEIGHT), 100, 100))) == 0
