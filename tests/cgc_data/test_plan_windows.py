"""Windows: inside the photo, around the object, of the set cover; the position in the view reveals nothing."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cgc_data.config import BuildConfig, IntraSettings, Limits
from cgc_data.geometry import Window
from cgc_data.masks import Box
from cgc_data.plan.questions import View, box_in_view
from cgc_data.plan.rng import generator
from cgc_data.plan.truth import Truth
from cgc_data.plan.windows import Windows, askable_in
from tests.cgc_data.drawn import HEIGHT, WIDTH, Thing, coco, index_of

# instances are sorted by concept: airplane 0, banana 1, carrot 2, dog 3
THINGS = [
    Thing("airplane", (140, 90, 40, 40)),
    Thing("banana", (5, 5, 60, 30)),
    Thing("carrot", (250, 170, 65, 65)),
    Thing("dog", (20, 60, 250, 160)),
]
VIEW_SIZES = [192, 256, 320]  # of photos as small as these
INSTANCES = st.integers(0, len(THINGS) - 1)
SEEDS = st.integers(0, 2**20)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    folder = tmp_path_factory.mktemp("windows")
    config = BuildConfig(sources=[coco(folder, {"a.jpg": THINGS})])
    return Truth(index_of(*config.sources, cache=folder), config.limits)


def windows_of(truth: Truth, **intra: object) -> Windows:
    return Windows(truth, BuildConfig(intra=IntraSettings(**{"view_sizes": VIEW_SIZES, **intra})))  # type: ignore[arg-type]


def holds(window: Window, box: Box) -> bool:
    return window.x1 <= box[0] and window.y1 <= box[1] and box[2] <= window.x2 and box[3] <= window.y2


def cover(view: View, box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) / (view.window.width * view.window.height)


def check_view(view: View) -> None:
    window = view.window
    assert 0 <= window.x1 < window.x2 <= WIDTH
    assert 0 <= window.y1 < window.y2 <= HEIGHT
    assert max(view.width, view.height) in VIEW_SIZES
    assert view.width / view.height == pytest.approx(window.width / window.height, rel=0.02)
    assert max(view.width, view.height) <= Limits().enlargement * max(window.width, window.height)


@given(instance=INSTANCES, seed=SEEDS, low=st.floats(0.01, 0.3), span=st.floats(1.1, 5))
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_focus_and_context_hold_the_object_and_keep_the_bounds(
    truth: Truth, instance: int, seed: int, low: float, span: float
) -> None:
    high = min(low * span, 1.0)
    windows = windows_of(truth, min_cover=low, max_cover=high, context_scale=1.4)
    pairs = list(windows.focus_and_context(0, instance, 4, generator(seed)))
    assume(pairs)
    focus, context = pairs[-1]
    box = truth.box(instance)
    for view in pairs[-1]:
        check_view(view)
        assert holds(view.window, box)
    assert low <= cover(focus, box) <= high
    assert (focus.role, context.role) == ("focus", "context")
    assert context.window.width * context.window.height >= 1.4**2 * focus.window.width * focus.window.height


def test_windows_are_found_for_most_draws(truth: Truth) -> None:
    """So that the properties above are not those of nothing."""
    windows = windows_of(truth)
    assert len(list(windows.focus_and_context(0, 0, 200, generator(0)))) > 100


def test_an_object_that_fills_the_photo_has_no_focus_view(truth: Truth) -> None:
    windows = windows_of(truth, max_cover=0.3)
    assert not list(windows.focus_and_context(0, 3, 20, generator(0)))


def test_the_object_is_anywhere_in_its_focus_view(truth: Truth) -> None:
    windows = windows_of(truth)
    places = []
    for focus, _ in windows.focus_and_context(0, 0, 400, generator(0)):
        x1, y1, x2, y2 = box_in_view(focus, truth.box(0))
        places.append(((x1 + x2) / 2 / focus.width, (y1 + y2) / 2 / focus.height))
    centers = np.array(places)
    assert centers.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.06)
    assert (centers.std(axis=0) > 0.12).all()
    assert (np.abs(centers - 0.5).max(axis=1) < 0.1).mean() < 0.2


def test_the_number_of_views_is_uniform_over_the_setting(truth: Truth) -> None:
    windows = windows_of(truth, min_views=3, max_views=5)
    counts = np.bincount([windows.draw_count(generator(seed)) for seed in range(600)], minlength=6)
    assert counts[:3].sum() == 0
    assert (counts[3:] > 150).all()


def test_one_seed_is_one_window(truth: Truth) -> None:
    first, again, other = (list(windows_of(truth).focus_and_context(0, 0, 9, generator(seed))) for seed in (7, 7, 8))
    assert first == again != other


@given(number=st.integers(1, 12), seed=SEEDS, enlargement=st.sampled_from([1.0, 1.5, 2.0, 4.0]))
def test_frames_fit_the_photo_and_are_sharp(truth: Truth, number: int, seed: int, enlargement: float) -> None:
    config = BuildConfig(limits=Limits(enlargement=enlargement), intra=IntraSettings(view_sizes=[192, 256, 640]))
    frames = Windows(truth, config).frames(0, number, generator(seed))
    assert 0 < len(frames) <= number
    assert (frames.width <= WIDTH).all()
    assert (frames.height <= HEIGHT).all()
    shown = np.maximum(frames.view_width, frames.view_height)
    assert set(shown.tolist()) <= {192, 256, 640}
    assert (shown <= enlargement * np.maximum(frames.width, frames.height)).all()
    assert frames.view_width / frames.view_height == pytest.approx(frames.width / frames.height, rel=0.02)


def test_frames_have_all_sizes_from_the_smallest_sharp_one_to_the_photo(truth: Truth) -> None:
    frames = windows_of(truth).frames(0, 400, generator(0))
    longest = np.maximum(frames.width, frames.height)
    assert longest.min() <= 98  # 96 is half of the smallest view
    assert longest.max() >= WIDTH - 2
    assert 0.3 < (frames.width > frames.height).mean() < 0.8


def test_a_photo_too_small_to_be_sharp_has_no_windows(tmp_path: Path) -> None:
    source = coco(tmp_path, {"a.jpg": [Thing("dog", (20, 10, 25, 25))]})
    path = Path(source.annotations)
    path.write_text(path.read_text().replace('"width": 320, "height": 240', '"width": 80, "height": 60'))
    truth = Truth(index_of(source, cache=tmp_path), BuildConfig().limits)
    small, large = (windows_of(truth, view_sizes=sizes, max_cover=1.0) for sizes in ([64, 96], [384]))
    for seed in range(50):
        assert not len(large.frames(0, 4, generator(seed)))
        assert not list(large.focus_and_context(0, 0, 4, generator(seed)))
        for view in chain(*small.focus_and_context(0, 0, 4, generator(seed))):
            assert view.window.x2 <= 80
            assert view.window.y2 <= 60


@pytest.mark.parametrize(
    ("box", "asked"), [((10, 10, 40, 40), True), ((10, 10, 33, 40), False), ((10, 10, 40, 33.9), False)]
)
def test_a_box_is_large_in_its_photo_and_not_only_in_the_view(box: Box, asked: bool) -> None:
    view = View(0, Window(0, 0, 200, 100), 400, 200, "focus")
    assert askable_in(view, box, Limits(min_side=24)) is asked
