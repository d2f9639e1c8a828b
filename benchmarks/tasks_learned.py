"""Measure whether a tiny model learns the tasks of the preset `full`, compared with `paper` and with trivial answers.

Usage: python benchmarks/tasks_learned.py --work FOLDER [--seed 1] [--quick] [--docs docs]
Photos are painted, and two releases of equal size are built from them: one with the preset `full`, one with `paper`.
A tiny random model first learns to list what the training photos show. It is then trained twice, on the same number of
rows of each release and for the same number of steps. Both models and all trivial answers then answer the test rows of
`full`, which show photos that no training used. Finished parts of FOLDER are skipped. The results do not apply to
models of practical size.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.quick_training import Encoded, Schedule, answers, train  # noqa: E402
from scripts.markdown import write_between  # noqa: E402

Row: TypeAlias = dict[str, Any]
ARMS = ("full", "paper")
BLIND = "blind"  # the model of `full`, given the images of other rows
METRICS = {"accuracy": "`acc@0.5`", "miou": "R_miou"}  # the first one decides
PIXELS = 96 * 96  # pixels of an image as the model sees it: at most 9 tokens
MOST_TOKENS = 260
FOLDERS = {"auto": "train2017", "test": "val2017"}
BEGIN, END = "<!-- table: benchmarks/tasks_learned.py -->", "<!-- end of table -->"


@dataclass(frozen=True)
class Protocol:
    """All settings that determine the outcome, apart from the seed."""

    photos: int
    samples: int  # rows of each release
    single: Schedule  # listing what one photo shows
    several: Schedule  # listing what one to three photos show
    arm: Schedule


FULL = Protocol(4800, 12000, Schedule(3000, 24, 4e-3), Schedule(2000, 16, 3e-3), Schedule(6400, 16, 3e-3))
QUICK = Protocol(80, 120, Schedule(4, 4, 4e-3), Schedule(2, 4, 3e-3), Schedule(2, 4, 3e-3))


def main() -> None:
    """Run the missing parts, then print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, releases, and models")
    parser.add_argument("--seed", type=int, default=1, help="seed of photos, releases, weights, and row order")
    parser.add_argument(
        "--quick", action="store_true", help=("short form: run every part with too few steps to learn anything")
    )
    parser.add_argument("--docs", type=Path, help="folder for tasks_learned.json and the table in learning.md")
    parser.add_argument("--only", choices=["warm", *(f"{what}-{arm}" for what in ("release", "arm") for arm in ARMS)])
    options = parser.parse_args()
    protocol, work, seed = QUICK if options.quick else FULL, options.work.resolve(), options.seed
    prepare(protocol, work, seed)
    if options.only:
        run_part(options.only, protocol, work, seed)
        return
    at_once(["warm", *(f"release-{arm}" for arm in ARMS)], options)
    at_once([f"arm-{arm}" for arm in ARMS], options)
    outcome = measured(protocol, work, seed)
    print(tables(outcome))
    if options.docs:
        write(outcome, options.docs)


def prepare(protocol: Protocol, work: Path, seed: int) -> None:
    """Make the photos; nothing is downloaded, and all files stay in the folder."""
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CGC_CACHE": str(work / "cache")}
    work.mkdir(parents=True, exist_ok=True)
    paint_photos(protocol, work, seed)


def at_once(parts: Sequence[str], options: argparse.Namespace) -> None:
    """Run each part in a separate process."""
    command = [sys.executable, __file__, "--work", str(options.work), "--seed", str(options.seed)]
    command += ["--quick"] if options.quick else []
    running = []
    for part in parts:
        with (options.work / f"{part}.log").open("w") as log:
            started = subprocess.Popen([*command, "--only", part], stdout=log, stderr=subprocess.STDOUT)
        running.append((part, started))
    if failed := [part for part, process in running if process.wait()]:
        raise SystemExit(f"{failed[0]} failed: see {options.work / f'{failed[0]}.log'}")


def run_part(part: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Run one part, unless it is done."""
    what, _, arm = part.partition("-")
    if what == "release":
        build(arm, protocol, work, seed)
    elif what == "warm":
        warm_up(protocol, work, seed)
    else:
        train_arm(arm, protocol, work, seed)


def paint_photos(protocol: Protocol, work: Path, seed: int) -> None:
    """Paint photos with one to three large objects; the test file has a quarter as many photos."""
    from cgc_data.painter import paint

    if not (work / "photos").exists():
        paint("large", work / "photos", seed=seed, photos=protocol.photos)


def build(preset: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Build the release of a preset."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import parse_config

    if (work / preset / "manifest.json").is_file():
        return
    config = {
        "name": f"tasks-{preset}",
        "preset": preset,
        "sources": sources(work),
        "samples": protocol.samples,
        "seed": seed,
        "confusable": "labeled",
        "splits": {"near_duplicate": 0},
        "inter": {"max_images": 3},
        "intra": {"view_sizes": [256], "max_views": 2, "track_views": 3},
    }
    build_release(parse_config(config, "tasks"), work / preset)


def sources(work: Path) -> list[Row]:
    """Both annotation files, in the form of a configuration."""
    return [
        {
            "kind": "coco",
            "annotations": str(work / "photos" / "annotations" / f"instances_{name}.json"),
            "images": str(work / "photos" / "images" / FOLDERS[split]),
            "exhaustive": True,
            "split": split,
        }
        for name, split in (("train", "auto"), ("test", "test"))
    ]


def warm_up(protocol: Protocol, work: Path, seed: int) -> None:
    """Train a tiny random model to list what photos of the training file show: one photo first, then up to three."""
    from cgc_train.tiny import tiny_processor, write_tiny

    if (work / "warm").exists():
        return
    if not (work / "tiny").exists():
        write_tiny(work / "tiny", seed=seed)
    model, processor = loaded(work / "tiny"), tiny_processor(pixels=(1024, PIXELS))
    photos = sorted(Annotations(work / "photos").of_file("train"))
    for name, most, stage in (("single", 1, protocol.single), ("several", 3, protocol.several)):
        rows = Encoded(processor, listings(photos, work, count=len(photos) * (2 * most - 1), most=most, seed=seed))
        train(model, rows, stage, seed=seed, name=name)
    model.save_pretrained(work / "warm")


def train_arm(arm: str, protocol: Protocol, work: Path, seed: int) -> None:
    """Train the warm model on the training rows of a release; both arms have equally many rows."""
    from cgc_train.tiny import tiny_processor

    if (work / f"trained-{arm}").exists():
        return
    count = min(len(rows_of(work / preset, "train")) for preset in ARMS)
    rows = random.Random(seed).sample(rows_of(work / arm, "train"), count)
    annotations = Annotations(work / "photos")
    model = loaded(work / "warm")
    encoded = Encoded(tiny_processor(pixels=(1024, PIXELS)), [with_completion(row, annotations) for row in rows])
    train(model, encoded, protocol.arm, seed=seed, name=arm)
    model.save_pretrained(work / f"trained-{arm}")


def loaded(folder: Path) -> Any:
    """A model in float32, on one thread: with models of this size, several threads slow each other down."""
    import torch
    from transformers import AutoModelForImageTextToText

    torch.set_num_threads(1)
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


class Annotations:
    """Content of the painted photos by file name, as (kind, box in pixels), and the kind of each annotation."""

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
        """Photos of an annotation file."""
        return self._files[name]

    def in_view(self, view: Row) -> list[str]:
        """Kinds of the objects whose center is in a view, and of the object pasted into the view."""
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
    """The reasoning for all rows: it states what each image shows."""
    shown = [", ".join(kinds) or "nothing" for kinds in images]
    return " ".join(f"Image {number} shows {what}." for number, what in enumerate(shown, 1))


def message(role: str, *content: Any) -> list[Row]:
    """A conversation of one message; each part is a text, or None for an image."""
    parts = [{"type": "image" if text is None else "text", "text": text} for text in content]
    return [{"role": role, "content": parts}]


def listings(photos: Sequence[str], work: Path, *, count: int, most: int, seed: int) -> list[Row]:
    """Rows that show one to `most` photos and list everything in them as an answer."""
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
    """Convert x, y, width, height in pixels of a painted 256 x 256 photo to x1, y1, x2, y2 in 0-1000."""
    x, y, width, height = box
    x1, y1, x2, y2 = (round(value * 1000 / 256) for value in (x, y, x + width, y + height))
    return x1, y1, x2, y2


def shrunk(work: Path, name: str) -> str:
    """A training photo, at the size that the model sees."""
    from PIL import Image

    path = work / "small" / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        with Image.open(work / "photos" / "images" / FOLDERS["auto"] / name) as image:
            image.convert("RGB").resize((96, 96), Image.Resampling.LANCZOS).save(path, quality=95)
    return str(path)


def rows_of(release: Path, split: str) -> list[Row]:
    """The rows of a split in the form of training, in the order of their IDs."""
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
    """The row with its true answer, after reasoning that states what each image shows."""
    from cgc_data.answer import format_response
    from cgc_data.release.rows import answer_objects

    trace = named(annotations.in_view(view) for view in row["views"])
    return {**row, "completion": message("assistant", format_response(answer_objects(row["objects"]), trace))}


def other_pictures(rows: Sequence[Row], seed: int) -> list[Row]:
    """The rows with the images of another row of the same task and number of images: the remaining score comes from
    habit.
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


def measured(protocol: Protocol, work: Path, seed: int) -> Row:
    """Score and compare every answer to the test rows of `full`; returns the JSON."""
    from cgc_data.metrics import FLOORS, floor_response, truth_of

    rows = rows_of(work / "full", "test")
    truths = [truth_of(row) for row in rows]
    given = {arm: answered(work / f"trained-{arm}", rows) for arm in ARMS}
    given[BLIND] = answered(work / "trained-full", other_pictures(rows, seed))
    given |= {floor: [floor_response(floor, truth) for truth in truths] for floor in FLOORS}
    trained = {arm: len(rows_of(work / arm, "train")) for arm in ARMS}
    return {
        "seed": seed,
        "protocol": asdict(protocol),
        "training rows": min(trained.values()),
        "tasks": {task: compared(places, truths, given) for task, places in by_task(truths).items()},
    }


def answered(model: Path, rows: Sequence[Row]) -> list[str]:
    """The greedy answer of a trained model to every row."""
    from cgc_train.tiny import tiny_processor

    return answers(loaded(model), Encoded(tiny_processor(pixels=(1024, PIXELS)), rows), max_new_tokens=MOST_TOKENS)


def by_task(truths: Sequence[Any]) -> dict[str, list[int]]:
    """Indices of the rows of each task, in the order in which tasks are declared."""
    from cgc_data.tasks import TASKS

    found: dict[str, list[int]] = {task: [] for task in TASKS}
    for place, truth in enumerate(truths):
        found[truth.kind.id].append(place)
    return {task: places for task, places in found.items() if places}


def compared(places: Sequence[int], truths: Sequence[Any], given: dict[str, list[str]]) -> Row:
    """Means of every answerer on the rows of a task, and the lead of the `full` model, with intervals."""
    from cgc_data.metrics import FLOORS, score_item

    asked = [truths[place] for place in places]
    photos = [truth.photos for truth in asked]
    outcome: Row = {"rows": len(places), "photo sets": len(set(photos))}
    scores = {
        who: [score_item(texts[place], truths[place], lenient=False) for place in places]
        for who, texts in given.items()
    }
    for metric in METRICS:
        values = {who: [float(getattr(score, metric)) for score in items] for who, items in scores.items()}
        means = {who: sum(column) / len(column) for who, column in values.items()}
        floor = max(FLOORS, key=lambda name: means[name])
        others = {"paper": "paper", "floor": floor, BLIND: BLIND}
        ahead = {name: difference(values["full"], values[other], photos) for name, other in others.items()}
        outcome[metric] = {"means": means, "floor": floor, "ahead of": ahead}
    return outcome


def difference(values: Sequence[float], others: Sequence[float], photos: Sequence[str]) -> list[float | None]:
    """Mean of the paired differences with its 95 % interval over photo sets: value, low, high."""
    from cgc_data.metrics import estimate

    found = estimate([a - b for a, b in zip(values, others, strict=True)], photos, resamples=5000)
    return [found.value, found.low, found.high]


def tables(outcome: Row) -> str:
    """One table per metric."""
    return "\n".join(f"{title}:\n\n{table(outcome, metric)}" for metric, title in METRICS.items())


def table(outcome: Row, metric: str) -> str:
    """One line per task: the means, and the lead of the `full` model."""
    lines = [
        "| task | new | rows | `full` | `paper` | best floor | blind | ahead of `paper` | ahead of the floor |",
        "|---|---|---:|---:|---:|---|---:|---|---|",
    ]
    for task, found in outcome["tasks"].items():
        means, floor = found[metric]["means"], found[metric]["floor"]
        ahead = [interval(*found[metric]["ahead of"][other]) for other in ("paper", "floor")]
        cells = [f"`{task}`", "yes" if is_new(task) else "", str(found["rows"]), f"{means['full']:.2f}"]
        cells += [f"{means['paper']:.2f}", f"{means[floor]:.2f} ({floor})", f"{means[BLIND]:.2f}", *ahead]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(value: float, low: float | None, high: float | None) -> str:
    """A difference with its interval; bold if the entire interval is above zero."""
    if low is None or high is None:
        return f"{value:+.2f}"
    text = f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"**{text}**" if low > 0 else text


def is_new(task: str) -> bool:
    """Whether the preset `paper` has no rows of the task."""
    from cgc_data.tasks import PRESETS

    return PRESETS["paper"].get(task) == 0


def write(outcome: Row, docs: Path) -> None:
    """Write the figures as JSON and the table to the page."""
    (docs / "tasks_learned.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    write_between(docs / "learning.md", BEGIN, END, f"\n\n{tables(outcome)}\n")


if __name__ == "__main__":
    main()
