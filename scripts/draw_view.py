"""Draws docs/pictures/view.png: the page of a run, as a browser shows it.

Usage: python scripts/draw_view.py RUN [--browser chromium]
The run should be of the tiny model on painted photos, such as benchmarks/learning.py leaves.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "view.png"
SIZE = (1400, 1900)
COLOURS = 64  # keeps the file small


def main() -> None:
    """Write the page into a temporary folder, photograph it and store it small."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--browser", default="chromium")
    options = parser.parse_args()
    from cgc_train.run import open_run
    from cgc_train.view import write_page

    run = open_run(options.run)
    with tempfile.TemporaryDirectory() as folder:
        page = write_page(run, Path(folder) / "page", steps=run.held_out_steps()[-1:], per_step=12).path
        shot = Path(folder) / "shot.png"
        photograph(options.browser, page, shot)
        with Image.open(shot) as taken:
            small = taken.convert("RGB").resize((SIZE[0] * 3 // 5, SIZE[1] * 3 // 5), Image.Resampling.LANCZOS)
        small.quantize(COLOURS).save(PICTURE, optimize=True)


def photograph(browser: str, page: Path, shot: Path) -> None:
    """A picture of the top of a page."""
    size = ",".join(map(str, SIZE))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    subprocess.run([browser, *flags, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
