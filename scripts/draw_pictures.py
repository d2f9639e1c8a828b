"""Draw the pictures of docs/ from the embedded sample: deterministic, and without downloads.

Run `python scripts/draw_pictures.py`; it paints and builds in a temporary folder and writes docs/pictures/*.png.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from panels import HEAD, TEXT, Line, Mark, Panel, beside, decoded, stack, strip
from PIL import Image
from pycocotools import mask as coco_mask

from cgc_data.builder.release import build_release
from cgc_data.config import BuildConfig
from cgc_data.geometry import Window
from cgc_data.index.build import Index, build_index
from cgc_data.index.presence import ABSENT, STATE_NAMES, UNKNOWN
from cgc_data.look.sample import Sample, read_sample
from cgc_data.look.sheets import GIVEN, TARGET, Style
from cgc_data.painter.embedded import with_sources
from cgc_data.plan.truth import Truth
from cgc_data.release.read import open_release
from cgc_data.sources import Segmentations
from cgc_data.tasks import TASKS, Task, task_of
from cgc_data.vocabulary import names_of

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = 128  # colors in the palette of stored pictures
TINT, WINDOW = "#ffd500", "#7a3ff2"
GOOD, BAD = Style("#12805c", 14), Style("#c4122f", 14)
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The embedded sample, its index, and a release built from it."""

    index: Index
    truth: Truth
    rows: Sequence[Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, Any]]

    def sample(self, row: Mapping[str, Any]) -> Sample:
        return read_sample(row, self.sources)

    def photo(self, number: int) -> Image.Image:
        """Pixels of a photo in the index."""
        photo = self.index.photos[number]
        return decoded(self.index.stores[photo.source].read(photo.file_name))

    @cached_property
    def number(self) -> dict[str, int]:
        """Photos by file name."""
        return {photo.file_name: number for number, photo in enumerate(self.index.photos)}


def asked(sample: Sample, most: int = 250, first: Iterable[Panel] = ()) -> Image.Image:
    """A sample: its question, its views (after `first`) with boxes and the evidence for each, and its answer."""
    panels = list(first)
    for view in sample.views:
        boxes = tuple((b.rect, GIVEN if b.is_reference else TARGET, b.tag) for b in view.boxes)
        lines = ((f"Image {view.number}", HEAD), *((why, GOOD) for why in view.why))
        panels.append(Panel(decoded(view.content), lines, boxes))
    return strip(panels, [(sample.question, HEAD)], [(f"Answer: {sample.answer}", TEXT)], most)


# -- choosing


def best(rows: Iterable[T], key: Callable[[T], Any]) -> T:
    """The row with the highest key; exits the script if there is none."""
    found = sorted(rows, key=key, reverse=True)
    if not found:
        sys.exit("the release contains no sample for one of the pictures: increase SAMPLES")
    return found[0]


def shown_well(row: Mapping[str, Any]) -> tuple[bool, bool, bool, float, str]:
    """Sort key: views in color and landscape, then objects inside the views, then large before small objects."""
    boxes = [o["bbox_2d"] for o in row["objects"]]
    wide = all(1.1 < view["width"] / view["height"] < 1.6 for view in row["views"])
    colored = all(Image.open(io.BytesIO(image["bytes"])).mode == "RGB" for image in row["images"])
    inside = all(min(box) > 20 and max(box) < 980 for box in boxes)
    smallest = min(((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes), default=0)
    return colored, wide, inside, smallest, row["id"]


def of_kind(world: World, contrast: str, task: str, images: int, distractors: str = "") -> list[Mapping[str, Any]]:
    """Rows of a task with this many images."""
    return [
        row
        for row in world.rows
        if (row["contrast"], row["task"], len(row["views"])) == (contrast, task, images)
        and distractors in ("", row["distractors"])
    ]


def twins(world: World, contrast: str, task: str, images: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A present row and its absent twin."""
    absent = {row["pair_id"]: row for row in of_kind(world, contrast, "absent", images)}
    rows = [r for r in of_kind(world, contrast, task, images) if r["pair_id"] in absent]
    present = best(rows, lambda r: (_landscape(world, r), *shown_well(r)))
    return present, absent[present["pair_id"]]


# -- pictures


def contrasts(world: World) -> Image.Image:
    """One sample of each contrast."""
    inter = best(of_kind(world, "inter", "locate", 3, "decoupled"), shown_well)
    intra = best(of_kind(world, "intra", "same_object", 2), shown_well)
    return stack(asked(world.sample(inter)), asked(world.sample(intra), first=[_windows(world, intra)]))


def of_task(task: Task) -> Callable[[World], Image.Image]:
    """The function that draws one question of the task."""

    def draw(world: World) -> Image.Image:
        row = best(_rows(world, task), lambda row: (len(row["views"]) == 3, *shown_well(row)))
        return asked(world.sample(row), most=210)

    return draw


def _rows(world: World, task: Task) -> list[Mapping[str, Any]]:
    """Rows of the task with few images, with an answer if the task has any."""
    rows = [row for row in world.rows if task_of(row) is task and bool(row["objects"]) != (task.answer == "empty")]
    return [row for row in rows if len(row["views"]) in (2, 3)]


def presence(world: World) -> Image.Image:
    """One category in four photos: all boxed, some boxed, absent, unknown."""
    index = world.index
    lvis = [i for i, table in enumerate(index.tables) if table.kind == "lvis"]
    listed = np.array([any(a.source in lvis for a in p.appearances) for p in index.photos])
    counts = np.array([((index.states == s) & listed[:, None]).sum(axis=0) for s in range(len(STATE_NAMES))])
    names = names_of(sorted(index.labelled))
    concept = best(
        (c for c in range(len(index.concepts)) if index.concepts[c] in names), lambda c: (counts[:, c].min(), -c)
    )
    name = names[index.concepts[concept]]
    reasons = (
        f"In none of LVIS's lists for this photo. A {name.singular} may be there without a box: never a distractor.",
        "",
        f"LVIS boxes {name.plural} here, and lists the category as not exhaustive: some may have no box.",
        f"LVIS boxes {name.plural} here and does not list them as incomplete: these are all.",
    )
    panels = []
    for state in (3, 2, 1, 0):
        photos = np.flatnonzero((index.states[:, concept] == state) & listed)
        number = int(best(photos.tolist(), lambda p: (_upright(index, p), _box_area(index, p, concept), -p)))
        boxes = tuple((tuple(box), TARGET, name.singular) for box in _boxes(index, number, concept).tolist())
        reason = reasons[state] or f"{_why(index, number, concept, name.singular)} May be a distractor."
        panels.append(Panel(world.photo(number), ((STATE_NAMES[state], HEAD), (reason, TEXT)), boxes))
    head = f'What is known of "{name.singular}" in four photos'
    return stack(strip(panels[:2], [(head, HEAD)], most=300), strip(panels[2:], most=300))


def _upright(index: Index, photo: int) -> bool:
    """Whether the photo has the usual landscape shape."""
    return 1.3 < index.photos[photo].width / index.photos[photo].height < 1.4


def _boxes(index: Index, photo: int, concept: int) -> NDArray[np.float64]:
    """Boxes of a concept in a photo, (instances, 4) x1, y1, x2, y2 in pixels."""
    return index.instances.box[index.instances.of(photo, concept)]


def _box_area(index: Index, photo: int, concept: int) -> float:
    boxes = _boxes(index, photo, concept)
    return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).max(initial=0.0))


def _why(index: Index, photo: int, concept: int, label: str) -> str:
    warrant = index.warrant(photo, concept)
    rule, _, above = warrant.rule.partition(":")
    sentences = {
        "exhaustive": f"The file boxes every {label}, and boxes none here.",
        "negative": f"LVIS verified that there is no {label}.",
        "hypernym": f"No {above} here, so no {label} either.",
    }
    return sentences[rule]


def confusable(world: World) -> Image.Image:
    """Why one photo can be a distractor and another cannot, checking every confusable name."""
    index, names = world.index, names_of(world.index.concepts)
    absent = index.states == ABSENT

    def others(concept: int) -> list[int]:
        return [c for c in index.confusable(concept, labelled_only=False) if index.concepts[c] in names]

    def doubtful(concept: int) -> list[int]:
        some = (~absent[:, index.confusable(concept, labelled_only=False)]).any(axis=1)
        boxed = (index.states[:, others(concept)] > ABSENT).any(axis=1)
        return [int(p) for p in np.flatnonzero(absent[:, concept] & some & boxed)]

    def safe(concept: int) -> list[int]:
        clear = absent[:, index.confusable(concept, labelled_only=False)].all(axis=1)
        return [int(p) for p in np.flatnonzero(absent[:, concept] & clear)]

    asked_for = (c for c, key in enumerate(index.concepts) if key in index.labelled and 4 <= len(others(c)) <= 7)
    concept = best((c for c in asked_for if safe(c) and doubtful(c)), lambda c: (len(doubtful(c)), -c))
    strips = []
    for photos, verdict in ((safe(concept), "A safe distractor"), (doubtful(concept), "Never used")):
        number, label = best(photos, lambda p: (_upright(index, p), -p)), names[index.concepts[concept]].singular
        lines: list[Line] = [(f'{verdict} for "{label}"', HEAD)]
        boxes: list[Mark] = []
        for other in [concept, *others(concept)]:
            singular = names[index.concepts[other]].singular
            if absent[number, other]:
                lines.append((f"✓ {singular}: {_why(index, number, other, singular)}", GOOD))
            elif index.states[number, other] == UNKNOWN:
                lines.append((f"✗ {singular}: unknown.", BAD))
            else:
                lines.append((f"✗ {singular}: there is one, and it could be taken for the {label}.", BAD))
            boxes += [(tuple(b), GIVEN, singular) for b in _boxes(index, number, other).tolist()]
        strips.append(beside(Panel(world.photo(number), tuple(lines), tuple(boxes))))
    return stack(*strips)


def distances(world: World) -> Image.Image:
    """A decoupled set and a hard one."""
    rows = [row for n in (2, 3) for row in of_kind(world, "inter", "locate_all", n) if row["evidence"]]
    sets = ([row for row in rows if row["distractors"] == kind] for kind in ("decoupled", "hard"))
    return stack(*(asked(world.sample(best(found, shown_well))) for found in sets))


def inter_twins(world: World) -> Image.Image:
    """A question about one photo of a set, and its twin about a set without the label."""
    present, absent = twins(world, "inter", "locate", 2)
    return stack(asked(world.sample(present)), asked(world.sample(absent)))


def views(world: World) -> Image.Image:
    """A photo with its two windows, and the question in both directions."""
    rows = of_kind(world, "intra", "same_object", 2)
    row = best((r for r in rows if _landscape(world, r)), shown_well)
    back = next(r for r in rows if r["pair_id"] == row["pair_id"] and r["id"] != row["id"])
    return stack(*(asked(world.sample(r), 190, [_windows(world, r)]) for r in (row, back)))


def intra_twins(world: World) -> Image.Image:
    """Windows that show a category, and windows of the same photo that do not."""
    rows = twins(world, "intra", "locate_all", 2)
    return stack(*(asked(world.sample(row), 220, [_windows(world, row)]) for row in rows))


def _landscape(world: World, row: Mapping[str, Any]) -> bool:
    return _upright(world.index, world.number[row["views"][0]["file_name"]])


def _windows(world: World, row: Mapping[str, Any]) -> Panel:
    """The photo of an intra sample with its windows."""
    boxes = tuple(
        (tuple(v["window"]), (WINDOW, GIVEN)[v["role"] == "context"], f"{n}: {v['role'].title()} View")
        for n, v in enumerate(row["views"], 1)
    )
    return Panel(world.photo(world.number[row["views"][0]["file_name"]]), (("The photo", HEAD),), boxes)


def visibility(world: World) -> Image.Image:
    """One object in three windows: visible, ambiguous, gone; the true box is the mask's inside the window."""
    index, truth = world.index, world.truth

    def size(instance: int) -> float:
        x1, y1, x2, y2 = truth.box(instance)
        photo = index.photos[int(index.instances.photo[instance])]
        fits = x1 > 90 and x2 < photo.width - 90 and photo.width == 640 and not truth.fault(instance)
        return (x2 - x1) * (y2 - y1) if fits and not index.instances.crowd[instance] else 0.0

    instance = best(range(0, len(index.instances.photo), 3), size)
    number = int(index.instances.photo[instance])
    photo, box = index.photos[number], truth.box(instance)
    picture, overlay = world.photo(number), _mask(index, instance)
    tinted = Image.composite(Image.blend(picture, Image.new("RGB", picture.size, TINT), 0.6), picture, overlay)
    panels = []
    for cut in (0.75, 0.3, -0.25):
        left = round(box[2] - cut * (box[2] - box[0])) if cut > 0 else round(box[2] + 12)
        window = Window(left, 0, min(left + 300, photo.width), photo.height)
        seen = truth.see(instance, window)
        boxes: list[Mark] = [((window.x1, window.y1, window.x2, window.y2), GIVEN, "window")]
        if seen.box and seen.state == "visible":
            boxes.append((seen.box, TARGET, "true box"))
        text = {
            "visible": "in the answer, boxed as far as the window shows it",
            "ambiguous": "too little to ask for, too much to deny: no question depends on it",
            "gone": "no pixel in the window nor in a margin round it",
        }[seen.state]
        lines = ((f"{seen.state}: {seen.share:.0%} of the mask", HEAD), (text, TEXT))
        panels.append(Panel(tinted, lines, tuple(boxes)))
    return strip(panels)


def _mask(index: Index, instance: int) -> Image.Image:
    instances = index.instances
    photo, table = index.photos[int(instances.photo[instance])], index.tables[int(instances.source[instance])]
    with Segmentations(table) as segmentations:
        rle = segmentations.rle(int(instances.row[instance]), photo.height, photo.width)
    assert rle is not None
    return Image.fromarray(coco_mask.decode(rle) * 255)


PICTURES: dict[str, Callable[[World], Image.Image]] = {
    "contrasts": contrasts,
    "presence": presence,
    "confusable": confusable,
    "visibility": visibility,
    "distances": distances,
    "inter_twins": inter_twins,
    "views": views,
    "intra_twins": intra_twins,
    **{f"task_{task.contrast.name}_{task.name}": of_task(task) for task in TASKS.values()},
}
SAMPLES = 600


def open_world(folder: Path) -> World:
    """Paint, index, and build in a folder, or reuse what exists."""
    config = BuildConfig(samples=SAMPLES)
    release = build_release(config, folder / "release").folder
    opened = open_release(release)
    config = with_sources(config, folder / ".cgc-cache")
    index = build_index(config, folder / ".cgc-cache")
    sources = {source["key"]: source for source in opened.manifest["sources"]}
    return World(index, Truth(index, config.limits), list(opened.rows(images=True)), sources)


def main(work: Path, target: Path = FOLDER) -> None:
    """Write every picture with a palette to keep files small."""
    world = open_world(work)
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        picture = draw(world).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        picture.save(target / f"{name}.png", optimize=True)
        print(f"{name}.png {(target / f'{name}.png').stat().st_size // 1000} kB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(work))
