"""End-to-end example: build a release from annotations, print a question, compute rewards, and run a benchmark.

Run `python examples/story.py FOLDER`. The example paints its own photos, so it needs no download or GPU.
"""

import sys
from dataclasses import asdict
from pathlib import Path

from cgc_bench.contrast import BENCHMARK
from cgc_bench.scoring.summary import score_responses, summarise
from cgc_data import open_release
from cgc_data.answer import Object, format_response
from cgc_data.builder.release import build_release
from cgc_data.config import load_config
from cgc_data.metrics import truth_of
from cgc_data.painter import paint
from cgc_data.release.rows import Row
from cgc_train.reward import score


def build(folder: Path) -> Path:
    """Paint photos, write COCO and LVIS annotations for them, and build a release."""
    painted = paint("standard", folder / "photos")
    sources = [{key: str(value) for key, value in asdict(source).items() if value is not None} for source in painted]
    config = load_config(None, {"sources": sources, "samples": 60})
    return build_release(config, folder / "release").folder


def perfect(row: Row) -> str:
    """The response of a model that is always right. The response has the requested format."""
    return format_response(truth_of(row).objects, reasoning="I look at every image in turn.")


def in_the_wrong_image(row: Row) -> str:
    """The response of a model that finds every object, but assigns each one to the wrong image."""
    truth = truth_of(row)
    moved = [Object(entry.img_idx % truth.num_images + 1, entry.bbox_2d, entry.label) for entry in truth.objects]
    return format_response(moved, reasoning="I look at every image in turn.")


def main(folder: Path) -> dict[str, float]:
    """Run all steps of the example. Returns the score of each model on the held-out rows, in percent."""
    release = build(folder)
    opened = open_release(release)

    row = next(opened.rows(contrast="inter", split="train"))
    print(f"{row['id']}: {row['question']}\n  answer: {row['answer']}")

    for model in (perfect, in_the_wrong_image):
        terms = score(model(row), truth_of(row))  # the reward for GRPO
        print(f"  reward of {model.__name__}: {terms.reward:g} of {len(terms.values)} {terms.values}")

    items, figures = BENCHMARK.read_items(release), dict[str, float]()
    held_out = {row["id"]: row for row in opened.rows(split="test")}
    for model in (perfect, in_the_wrong_image):
        results = score_responses(BENCHMARK, items, {name: model(held_out[name]) for name in items})
        accuracy = summarise(BENCHMARK, items, results)["macro"]["acc@0.5"]
        assert accuracy is not None
        figures[model.__name__] = accuracy
        print(f"held-out split, {model.__name__}: {accuracy:.1f} % of {len(items)} rows right")
    return figures


if __name__ == "__main__":
    main(Path(sys.argv[1]))
