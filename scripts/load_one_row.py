"""Loads one row of a release with only `datasets`, as users do, and prints its question."""

import sys
from pathlib import Path

from datasets import load_dataset


def main(release: str) -> None:
    """Print the question of the first training row of the contrast `inter`."""
    rows = load_dataset(str(Path(release).resolve()), "inter", split="train")
    row = rows[0]
    print(f"{len(rows)} rows; the first shows {len(row['images'])} images of {[image.size for image in row['images']]}")
    print(f"question: {row['question']}\nanswer:   {row['answer']}")


if __name__ == "__main__":
    main(sys.argv[1])
