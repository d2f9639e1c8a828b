"""Draws docs/pictures/view.png: a screenshot of the page that `cgc-train view` writes about a run.

Usage: python scripts/draw_view.py RUN [--browser chromium]

RUN is the folder of a training run of the tiny model on painted photos, such as a run of benchmarks/learning.py.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "view.png"
SIZE = (1400, 3400)
# Parts of the page to show: the first curves, then the first answers, as (top, bottom) in pixels.
SHOWN = ((0, 960), (2090, 3010))
COLORS = 200  # keeps the file small


def main() -> None:
    """Write the page to a temporary folder, take a screenshot, and store a scaled-down version of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args()
    from cgc_train.run import open_run
    from cgc_train.view import write_page

    run = open_run(options.run)
    with tempfile.TemporaryDirectory() as folder:
        page = write_page(run, Path(folder) / "page", steps=run.held_out_steps()[:1], per_step=12).path
        shot = Path(folder) / "shot.png"
        photograph(options.browser, page, shot)
        with Image.open(shot) as taken:
            parts = [taken.convert("RGB").crop((0, top, SIZE[0], bottom)) for top, bottom in SHOWN]
        whole = Image.new("RGB", (SIZE[0], sum(part.height for part in parts)))
        for number, part in enumerate(parts):
            whole.paste(part, (0, sum(before.height for before in parts[:number])))
        small = whole.resize((whole.width * 3 // 5, whole.height * 3 // 5), Image.Resampling.LANCZOS)
        small.quantize(COLORS).save(PICTURE, optimize=True)


def photograph(browser: str, page: Path, shot: Path) -> None:
    """Take a screenshot of the top of a page."""
    size = ",".join(map(str, SIZE))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    subprocess.run([browser, *flags, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
