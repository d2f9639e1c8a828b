"""The release and the models that all engines use. They are made once."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.engines.workplace import HOME, Material, run

HEADS = ("--head-size", "32")  # the smallest head size that vLLM's attention supports on a CPU
WARM_UP = ("sft.max_steps=400", "data.held_out_every=0")


def make_material(home: Path = HOME) -> Material:
    """Make a release, a random model, and a model that is warmed up on the release. Existing ones are reused."""
    folder = home / "material"
    material = Material(folder / "release", folder / "tiny", folder / "warm" / "model")
    once(material.release, lambda: python("cgc_data", "build", "--samples", "160", "--out", str(material.release)))
    once(material.tiny, lambda: python("cgc_train", "tiny", str(material.tiny), *HEADS))
    once(folder / "warm", lambda: _warm_up(material, folder / "warm"))
    return material


def _warm_up(material: Material, folder: Path) -> None:
    given = (f"data.release={material.release}", f"model.name={material.tiny}")
    python("cgc_train", "sft", "tiny-cpu", *given, *WARM_UP, "--to", str(folder))


def once(target: Path, make: Callable[[], object]) -> None:
    """Make a folder if it is missing. A marker file next to the folder shows that the folder is complete."""
    mark = target.with_name(f"{target.name}.made")
    if not mark.is_file():
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        make()
        mark.touch()


def python(package: str, *arguments: str) -> None:
    """Run one of the project's commands. Raises StageError."""
    run([sys.executable, "-c", f"from {package}.cli import main; main()", *arguments], 1800)
