"""Draws the pictures of docs/ from the embedded sample. The result is deterministic, and nothing is downloaded.

Usage: python -m scripts.draw_pictures [FOLDER]

Paints the sample and builds a release in FOLDER (default: a temporary folder), and writes docs/pictures/*.png.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from cgc_data.tasks import TASKS
from scripts.pictures.presence import confusable, presence
from scripts.pictures.questions import contrasts, distances, inter_twins, intra_twins, of_task, views
from scripts.pictures.visibility import visibility
from scripts.pictures.world import World, open_world

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
COLORS = 128  # number of colors in the palette of stored pictures
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


def main(work: Path, target: Path = FOLDER) -> None:
    """Write every picture with a color palette, to keep the files small."""
    world = open_world(work)
    target.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        picture = draw(world).quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        picture.save(target / f"{name}.png", optimize=True)
        print(f"{name}.png {(target / f'{name}.png').stat().st_size // 1000} kB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(work))
