"""Makes training rows from painted photos. Some rows list everything that their photos show. Others come from a
release, and reasoning is added to them.
"""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
PIXELS = 96 * 96  # pixels of an image as the model sees it: at most 9 tokens
FOLDERS = {"auto": "train2017", "test": "val2017"}


class Annotations:
    """The painted objects. For each file name: the kind and the box of every object in the photo. For each annotation:
    the kind of the annotated object. Boxes are x, y, width, height in pixels.
    """

    def __init__(self, photos: Path) -> None:
        from cgc_data.vocabulary import readable

        self.shown: dict[str, list[tuple[str, list[float]]]] = {}
        self._files: dict[str, list[str]] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        for name in ("train", "test"):
            content = json.loads((photos / "annotations" / f"instances_{name}.json").read_bytes())
            kinds = {category["id"]: readable(category["name"]).singular for category in content["categories"]}
            files = {image["id"]: image["file_name"] for image in content["images"]}
            self._files[name] = list(files.values())
            self.shown |= {file: [] for file in files.values()}
            for entry in content["annotations"]:
                file, kind = files[entry["image_id"]], kinds[entry["category_id"]]
                self.shown[file].append((kind, entry["bbox"]))
                self._kinds[file, str(entry["id"])] = kind

    def of_file(self, name: str) -> list[str]:
        """File names of the photos in an annotation file."""
        return self._files[name]

    def in_view(self, view: Row) -> list[str]:
        """Kinds of the objects whose center is inside a view, and of the objects pasted into the view."""
        x1, y1, x2, y2 = view["window"]
        own = {
            kind
            for kind, (x, y, width, height) in self.shown[view["file_name"]]
            if x1 <= x + width / 2 < x2 and y1 <= y + height / 2 < y2
        }
        pasted = {
            self._kinds[part["file_name"], part["annotation_id"].rpartition(":")[2]]
            for part in view["parts"]
            if part["annotation_id"]
        }
        return sorted(own | pasted)


def named(images: Iterable[Iterable[str]]) -> str:
    """Reasoning text that states what each image shows."""
    shown = [", ".join(kinds) or "nothing" for kinds in images]
    return " ".join(f"Image {number} shows {what}." for number, what in enumerate(shown, 1))


def message(role: str, *content: Any) -> list[Row]:
    """A conversation of one message. Each item of `content` is a string, or None for an image."""
    parts = [{"type": "image" if text is None else "text", "text": text} for text in content]
    return [{"role": role, "content": parts}]


def listings(photos: Sequence[str], work: Path, *, count: int, most: int, seed: int) -> list[Row]:
    """Make `count` rows, each with at most `most` photos. The answer of a row lists every object in its photos."""
    from cgc_data.answer import Object, format_response

    annotations, generator = Annotations(work / "photos"), random.Random(seed)
    small = {name: shrunk(work, name) for name in photos}
    rows = []
    for _ in range(count):
        chosen = [generator.choice(photos) for _ in range(generator.randint(1, most))]
        asked = [part for number in range(1, len(chosen) + 1) for part in (f"\nImage {number}: ", None)]
        objects = [
            Object(number, box, kind)
            for number, name in enumerate(chosen, 1)
            for box, kind in sorted((thousandths(box), kind) for kind, box in annotations.shown[name])
        ]
        trace = named(sorted({kind for kind, _ in annotations.shown[name]}) for name in chosen)
        rows.append(
            {
                "images": [small[name] for name in chosen],
                "prompt": message("user", *asked, "\nList everything."),
                "completion": message("assistant", format_response(objects, trace)),
            }
        )
    return rows


def thousandths(box: Sequence[float]) -> tuple[int, int, int, int]:
    """Convert a box in a painted 256 x 256 photo from x, y, width, height in pixels to x1, y1, x2, y2 in 0-1000."""
    x, y, width, height = box
    x1, y1, x2, y2 = (round(value * 1000 / 256) for value in (x, y, x + width, y + height))
    return x1, y1, x2, y2


def shrunk(work: Path, name: str) -> str:
    """A training photo, resized to the size that the model sees."""
    from PIL import Image

    path = work / "small" / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with Image.open(work / "photos" / "images" / FOLDERS["auto"] / name) as image:
            image.convert("RGB").resize((96, 96), Image.Resampling.LANCZOS).save(path, quality=95)
    return str(path)


def rows_of(release: Path, split: str) -> list[Row]:
    """The rows of a split, sorted by ID, in the format that training passes to the model."""
    from cgc_train.data import Bounds, training_set
    from cgc_train.recipe import load_recipe
    from cgc_train.run import image_folder

    settings = [f"data.release={release}", "data.tasks=[]", f"data.max_pixels={PIXELS}", f"data.split={split}"]
    settings += ["data.held_out_every=0"]
    recipe = load_recipe("tiny-cpu", settings)
    bounds = Bounds(min_pixels=1024, max_pixels=PIXELS, factor=32)
    found = training_set(recipe, image_folder=image_folder(), split=split, bounds=bounds)
    return sorted(found.to_list(), key=lambda row: row["id"])


def with_completion(row: Row, annotations: Annotations) -> Row:
    """The row with a completion: reasoning that states what each image shows, followed by the correct answer."""
    from cgc_data.answer import format_response
    from cgc_data.release.rows import answer_objects

    trace = named(annotations.in_view(view) for view in row["views"])
    return {**row, "completion": message("assistant", format_response(answer_objects(row["objects"]), trace))}


def other_pictures(rows: Sequence[Row], seed: int) -> list[Row]:
    """Give each row the images of another row that has the same task and the same number of images. A model can then be
    right only by guessing typical answers.
    """
    from cgc_data.tasks import task_of

    kinds: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        kinds.setdefault((task_of(row).id, len(row["images"])), []).append(place)
    shown = [row["images"] for row in rows]
    for places in kinds.values():
        order = random.Random(seed).sample(places, len(places))
        for place, other in zip(order, order[1:] + order[:1], strict=True):
            shown[place] = rows[other]["images"]
    return [{**row, "images": images} for row, images in zip(rows, shown, strict=True)]
