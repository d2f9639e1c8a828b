"""Writes a run as a static HTML page with a folder of images. Reading the page requires no server, network, or
installation.
"""

import hashlib
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jinja2

from cgc_data.release.inside import check_links
from cgc_data.release.paths import without_paths
from cgc_data.release.read import Release
from cgc_train.data import find_release
from cgc_train.errors import RunError
from cgc_train.run import MetricsLine, Run
from cgc_train.view.collect import Step, collect
from cgc_train.view.curves import draw_curves

MARK = "<!-- cgc-train view -->"


@dataclass(frozen=True)
class Page:
    """The path and the contents of a written page."""

    path: Path
    steps: int
    answers: int


def write_page(
    run: Run,
    folder: Path,
    *,
    release: Path | None = None,
    steps: list[int] | None = None,
    per_step: int = 24,
) -> Page:
    """Write the HTML page of a run to `folder`, as `index.html` and `images/`.

    Args:
        run: a run, which can be finished, active, or stopped.
        folder: a new or empty folder, or the folder of an earlier page.
        release: current location of the run's release; None: the location in the recipe.
        steps: the steps to show; None: the first, the middle, and the last saved step.
        per_step: maximum number of prompts per step.

    Raises:
        RunError: the run has no metrics yet, or `folder` contains files but no earlier page.
        ReleaseError: the release cannot be read.
    """
    metrics = run.metrics()
    if not metrics:
        raise RunError(f"{run.folder}: no metrics yet; try again after the first step")
    moved = {"release": str(release), "revision": None} if release else {}
    found = find_release(run.recipe.data.model_copy(update=moved))
    shown = collect(run, found, steps, per_step)
    _clear(folder)
    (folder / "images").mkdir(parents=True)
    path = folder / "index.html"
    path.write_text(_render(run, found, metrics, shown, folder), encoding="utf-8", errors="replace")
    return Page(path, len(shown), sum(len(prompt.answers) for step in shown for prompt in step.prompts))


def _render(run: Run, release: Release, metrics: list[MetricsLine], steps: list[Step], folder: Path) -> str:
    return (
        _environment()
        .get_template("run.html.j2")
        .render(
            mark=MARK,
            run=run,
            recipe=without_paths(run.recipe.model_dump(mode="json")),
            release=release,
            environment=run.environment(),
            last=max((line["step"] for line in metrics if "step" in line), default=0),
            curves=draw_curves(metrics),
            steps=steps,
            terms=run.recipe.reward.terms,
            tasks=sorted({prompt.truth.task for step in steps for prompt in step.prompts}),
            store=lambda content: _store(content, folder),
        )
    )


def _store(content: bytes, folder: Path) -> str:
    """Write an image file unless it exists. Returns the path relative to the page."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpg"
    address = f"images/{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    if not (folder / address).exists():
        (folder / address).write_bytes(content)
    return address


def _clear(folder: Path) -> None:
    """Remove the images of an earlier page. Raises RunError if the folder contains files but no earlier page."""
    page = folder / "index.html"
    if (
        folder.exists()
        and any(folder.iterdir())
        and not (page.is_file() and MARK in page.read_text("utf-8", "replace"))
    ):
        raise RunError(f"{folder}: contains files other than the page of a run; choose another folder with --to")
    check_links(folder)
    shutil.rmtree(folder / "images", ignore_errors=True)


def _environment() -> jinja2.Environment:
    text = (files("cgc_train.view") / "templates" / "run.html.j2").read_text(encoding="utf-8")
    return jinja2.Environment(
        loader=jinja2.DictLoader({"run.html.j2": text}),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
