"""Makes the warmed-up tiny model that `cgc-train tiny --warm` writes.

Usage: python scripts/make_warm_start.py --work FOLDER [--seed 1] [--quick] [--to cgc_train/tiny/warm]

The script paints photos that each show one kind of object, and builds a release from them with examples/painted.yaml. A
random tiny model first learns to list what one image shows, then to find the image that shows the requested object, and
then to answer rows. The last part has few steps, so that later training can still improve the model. Parts whose
results already exist in FOLDER are skipped. Weights are stored in float16. The tokenizer is stored with the weights,
because later versions may assign other ids to tokens.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.learning import kinds_shown, naming  # noqa: E402
from benchmarks.quick_training import Encoded, Schedule, train  # noqa: E402

PIXELS = (32 * 32, 64 * 64)  # pixels of an image as the model sees it: at most 4 tokens
FOLDERS = {"train": "train2017", "test": "val2017"}
FIRST_IMAGE = re.compile(r'.*?"img_idx": \d', re.DOTALL)


@dataclass(frozen=True)
class Scale:
    """The sizes of all parts."""

    photos: int
    rows: int
    listing: Schedule  # steps of learning to list what one image shows
    pointing: Schedule  # steps of learning to name the first image that shows the requested object
    answering: Schedule  # steps of learning to answer rows of the release


FULL = Scale(
    photos=1500,
    rows=2500,
    listing=Schedule(500, 16, 4e-3, falls=False),
    pointing=Schedule(350, 32, 3e-3, falls=False),
    answering=Schedule(50, 16, 3e-3),
)
SHORT = Schedule(2, 4, 3e-3)
QUICK = Scale(120, 120, SHORT, SHORT, SHORT)


def main() -> None:
    """Run the missing parts, then write the warmed-up model to the folder `--to`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for photos, release, and models")
    parser.add_argument("--seed", type=int, default=1, help="seed for photos, release, weights, and row order")
    parser.add_argument("--quick", action="store_true", help="run only a few steps, which teach the model nothing")
    parser.add_argument("--to", type=Path, default=ROOT / "cgc_train" / "tiny" / "warm", help="replaced")
    options = parser.parse_args()
    work = options.work.resolve()
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CGC_CACHE": str(work / "cache")}
    scale = QUICK if options.quick else FULL
    prepare(scale, work, options.seed)
    learn(scale, work, options.seed)
    write(work / "answering", options.to)


def prepare(scale: Scale, work: Path, seed: int) -> None:
    """Make a random model. Build a release as the demo does, but from different photos."""
    from cgc_data.builder.release import build_release
    from cgc_data.config import load_config
    from cgc_data.painter import paint
    from cgc_train.tiny import write_tiny

    if (work / "release" / "manifest.json").is_file():
        return
    paint("single", work / "photos", seed=seed, photos=scale.photos)
    sources = [
        {
            "kind": "coco",
            "annotations": str(work / "photos" / "annotations" / f"instances_{name}.json"),
            "images": str(work / "photos" / "images" / folder),
            "exhaustive": True,
            "split": "test" if name == "test" else "auto",
        }
        for name, folder in FOLDERS.items()
    ]
    over = {"sources": sources, "samples": scale.rows, "seed": seed, "splits": {"validation": 0.05}}
    build_release(load_config(ROOT / "examples" / "painted.yaml", over), work / "release")
    write_tiny(work / "random", seed=seed)


def learn(scale: Scale, work: Path, seed: int) -> None:
    """Train the random model part by part, and save the model after each part."""
    import torch

    from cgc_train.model import load_trained
    from cgc_train.tiny import tiny_processor

    torch.set_num_threads(1)  # more threads slow each other down at this size
    processor, rows, shown = tiny_processor(pixels=PIXELS), rows_of(work), kinds_shown(work)
    answers = naming(rows, work).to_list()
    parts = {
        "listing": (scale.listing, [image for row in rows for image in listings(row, shown)]),
        "pointing": (scale.pointing, [pointing(row) for row in answers]),
        "answering": (scale.answering, answers),
    }
    before = "random"
    for name, (schedule, given) in parts.items():
        if not (work / name).exists():
            model = load_trained(work / before)
            train(model, Encoded(processor, given), schedule, seed=seed, name=name)
            model.save_pretrained(work / name)
        before = name


def rows_of(work: Path) -> Any:
    """The training rows in the format that training passes to the model."""
    from cgc_train.data import Bounds, training_set
    from cgc_train.recipe import load_recipe
    from cgc_train.run import image_folder

    settings = [f"data.release={work / 'release'}", "data.held_out_every=0"]
    bounds = Bounds(min_pixels=PIXELS[0], max_pixels=PIXELS[1], factor=32)
    return training_set(load_recipe("tiny-cpu", settings), image_folder=image_folder(), bounds=bounds)


def listings(row: dict[str, Any], shown: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """For each image that contains objects of the answer, yield a question about this image alone.

    The new answer lists these objects.
    """
    from cgc_data.answer import Object, format_response

    for number, (view, image) in enumerate(zip(row["views"], row["images"], strict=True), 1):
        boxes = [item for item in row["objects"] if item["img_idx"] == number]
        if boxes:
            objects = [Object(1, tuple(item["bbox_2d"]), item["label"]) for item in boxes]
            text = format_response(objects, f"Image 1 shows {shown[view['file_name']]}.")
            yield {
                "images": [image],
                "prompt": message("user", "\nImage 1: ", None, "\nList everything."),
                "completion": message("assistant", text),
            }


def pointing(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its answer truncated after the first image number.

    Otherwise, the coordinates would contribute more to the loss than the image number.
    """
    text = row["completion"][0]["content"][0]["text"]
    found = FIRST_IMAGE.match(text)
    return row | {"completion": message("assistant", found.group() if found else text)}


def message(role: str, *content: str | None) -> list[dict[str, Any]]:
    """A conversation of one message. Each item of `content` is a string, or None for an image."""
    parts = [{"type": "image" if text is None else "text", "text": text} for text in content]
    return [{"role": role, "content": parts}]


def write(model: Path, target: Path) -> None:
    """Write a trained model with its processor. Weights are stored in float16, which halves their size."""
    from cgc_train.model import load_trained
    from cgc_train.tiny import tiny_processor

    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*"):
        old.unlink()
    load_trained(model).half().save_pretrained(target)
    tiny_processor(pixels=PIXELS).save_pretrained(target)
    (target / "model.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
