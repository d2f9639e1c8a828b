"""The functions that benchmarks/run.py compares: plain implementations with Pillow, datasets, pycocotools, and json,
and their counterparts in this project.

Usage: python benchmarks/plain.py inter|intra|both ROWS PHOTOS OUT.parquet
"""

import io
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Action = Callable[[], object]
SHOWN = 4
COMPLETIONS = 2000


def rows(contrast: str, count: int, photos: Path) -> Iterator[dict[str, Any]]:
    """Rows with a few images: uncropped photos (inter), windows of one photo (intra), or both alternately."""
    files, generator = sorted(photos.rglob("*.jpg")), random.Random(0)
    for number in range(count):
        if contrast == "inter" or (contrast == "both" and number % 2):
            images = [path.read_bytes() for path in generator.choices(files, k=SHOWN)]
        else:
            photo = generator.choice(files)
            images = [window(photo, generator) for _ in range(SHOWN)]
        yield {"images": [{"bytes": content, "path": None} for content in images], "question": "Where is it?"}


def window(path: Path, generator: random.Random) -> bytes:
    """A random window with half the width and half the height of a photo, resized and encoded."""
    from PIL import Image

    with Image.open(path) as photo:
        width, height = (max(photo.width // 2, 1), max(photo.height // 2, 1))
        x, y = generator.randint(0, photo.width - width), generator.randint(0, photo.height - height)
        cut = photo.convert("RGB").crop((x, y, x + width, y + height))
        encoded = io.BytesIO()
        cut.resize((448, 448), Image.Resampling.LANCZOS).save(encoded, "jpeg", quality=92)
    return encoded.getvalue()


def write(contrast: str, count: int, photos: Path, out: Path) -> None:
    """Write the rows with `datasets`."""
    from datasets import Dataset, Features, Image, List, Value

    features = Features({"images": List(Image()), "question": Value("string")})
    given = {"contrast": contrast, "count": count, "photos": photos}
    with tempfile.TemporaryDirectory(dir=out.parent) as cache:
        Dataset.from_generator(rows, gen_kwargs=given, features=features, cache_dir=cache).to_parquet(out)


def _index(kind: Any, warm: bool) -> Callable[[Mapping[str, str]], Action]:
    def prepare(given: Mapping[str, str]) -> Action:
        from cgc_data.sources.read import read_source

        path, cache = Path(given[kind]), Path(given["work"]) / "columns"
        if warm:
            read_source(kind, path, cache)
        return lambda: read_source(kind, path, cache if warm else None)

    return prepare


def _pycocotools(given: Mapping[str, str]) -> Action:
    from pycocotools.coco import COCO

    return lambda: COCO(given["coco"])


def _lvis(given: Mapping[str, str]) -> Action:
    from lvis import LVIS

    return lambda: LVIS(given["lvis"])


def answers() -> list[str]:
    """Completions with six random boxes each."""
    from cgc_data.answer import Object, format_response

    generator = random.Random(0)
    made = []
    for _ in range(COMPLETIONS):
        corners = [(generator.randint(0, 700), generator.randint(0, 700)) for _ in range(6)]
        boxes = [Object(n % 4 + 1, (x, y, x + 200, y + 200), "dog") for n, (x, y) in enumerate(corners)]
        made.append(format_response(boxes, "The dogs stand apart."))
    return made


def _reward(_: Mapping[str, str]) -> Action:
    from cgc_data.answer import read_answer
    from cgc_data.metrics import Truth
    from cgc_train.reward import score

    texts = answers()
    found = [read_answer(text, 4).objects for text in texts]
    truths = [
        Truth("a", "inter", "locate_all", 4, objects, ("dog",), None, None, None, frozenset(), "p", "", 0.5)
        for objects in [*found[1:], found[0]]
    ]
    return lambda: [score(text, truth) for text, truth in zip(texts, truths, strict=True)]


def _json_answers(_: Mapping[str, str]) -> Action:
    texts = [text.partition("<answer>")[2].partition("</answer>")[0] for text in answers()]
    return lambda: [json.loads(text) for text in texts]


def _mig(given: Mapping[str, str]) -> Action:
    from cgc_bench.scoring.benchmark import benchmark
    from cgc_bench.scoring.summary import score_responses, summarise

    bench = benchmark("mig")

    def action() -> object:
        items = bench.read_items(Path(given["mig"]))
        responses = {index: bench.floor_response("center box", item) for index, item in items.items()}
        return summarise(bench, items, score_responses(bench, items, responses))

    return action


def _json_mig(given: Mapping[str, str]) -> Action:
    return lambda: json.loads(Path(given["mig"]).read_bytes())


FUNCTIONS: dict[str, Callable[[Mapping[str, str]], Action]] = {
    "index_coco": _index("coco", False),
    "warm_coco": _index("coco", True),
    "index_lvis": _index("lvis", False),
    "warm_lvis": _index("lvis", True),
    "pycocotools": _pycocotools,
    "lvis": _lvis,
    "reward": _reward,
    "json_answers": _json_answers,
    "mig": _mig,
    "json_mig": _json_mig,
}

if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
