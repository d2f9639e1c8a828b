"""Draws pictures of questions: views with boxes, evidence, and answers."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PIL import Image

from cgc_data.look.sample import Sample
from cgc_data.look.sheets import GIVEN, TARGET, Style
from cgc_data.tasks import Task, task_of
from scripts.panels import HEAD, TEXT, Panel, decoded, stack, strip
from scripts.pictures.world import World, best, upright

WINDOW = "#7a3ff2"
GOOD = Style("#12805c", 14)


def contrasts(world: World) -> Image.Image:
    """One sample of each contrast."""
    inter = best(of_kind(world, "inter", "locate", 3, "decoupled"), shown_well)
    intra = best(of_kind(world, "intra", "same_object", 2), shown_well)
    return stack(asked(world.sample(inter)), asked(world.sample(intra), first=[_windows(world, intra)]))


def of_task(task: Task) -> Callable[[World], Image.Image]:
    """The function that draws one question of the task."""

    def draw(world: World) -> Image.Image:
        row = best(_rows(world, task), lambda row: (len(row["views"]) == 3, *shown_well(row)))
        return asked(world.sample(row), most=210)

    return draw


def _rows(world: World, task: Task) -> list[Mapping[str, Any]]:
    """Rows of the task that show two or three images.

    Rows with an empty answer are used only if every answer of the task is empty.
    """
    rows = [row for row in world.rows if task_of(row) is task and bool(row["objects"]) != (task.answer == "empty")]
    return [row for row in rows if len(row["views"]) in (2, 3)]


def distances(world: World) -> Image.Image:
    """Draws an image set with `decoupled` distractors and one with `hard` distractors."""
    rows = [row for n in (2, 3) for row in of_kind(world, "inter", "locate_all", n) if row["evidence"]]
    sets = ([row for row in rows if row["distractors"] == kind] for kind in ("decoupled", "hard"))
    return stack(*(asked(world.sample(best(found, shown_well))) for found in sets))


def inter_twins(world: World) -> Image.Image:
    """Draws a question about a label that one photo of a set shows, and its twin.

    The twin is the same question about a set in which no photo shows the label.
    """
    present, absent = twins(world, "inter", "locate", 2)
    return stack(asked(world.sample(present)), asked(world.sample(absent)))


def views(world: World) -> Image.Image:
    """Draws a photo, two windows (crops) of it, and two questions. Each question shows an object in one window, and
    asks for the same object in the other window.
    """
    rows = of_kind(world, "intra", "same_object", 2)
    row = best((r for r in rows if _landscape(world, r)), shown_well)
    back = next(r for r in rows if r["pair_id"] == row["pair_id"] and r["id"] != row["id"])
    return stack(*(asked(world.sample(r), 190, [_windows(world, r)]) for r in (row, back)))


def intra_twins(world: World) -> Image.Image:
    """Draws windows (crops) of a photo that show a category, and windows of the same photo that do not."""
    rows = twins(world, "intra", "locate_all", 2)
    return stack(*(asked(world.sample(row), 220, [_windows(world, row)]) for row in rows))


def _landscape(world: World, row: Mapping[str, Any]) -> bool:
    return upright(world.index, world.number[row["views"][0]["file_name"]])


def _windows(world: World, row: Mapping[str, Any]) -> Panel:
    """The photo that the windows of an `intra` row are cropped from, with the outlines of these windows."""
    boxes = tuple(
        (tuple(v["window"]), (WINDOW, GIVEN)[v["role"] == "context"], f"{n}: {v['role'].title()} View")
        for n, v in enumerate(row["views"], 1)
    )
    return Panel(world.photo(world.number[row["views"][0]["file_name"]]), (("The photo", HEAD),), boxes)


def asked(sample: Sample, most: int = 250, first: Iterable[Panel] = ()) -> Image.Image:
    """Draws a sample: its question, its views (displayed images) with boxes, the evidence that a view does not show the
    target, and its answer.

    Panels in `first` come before the views.
    """
    panels = list(first)
    for view in sample.views:
        boxes = tuple((b.rect, GIVEN if b.is_reference else TARGET, b.tag) for b in view.boxes)
        lines = ((f"Image {view.number}", HEAD), *((why, GOOD) for why in view.why))
        panels.append(Panel(decoded(view.content), lines, boxes))
    return strip(panels, [(sample.question, HEAD)], [(f"Answer: {sample.answer}", TEXT)], most)


def shown_well(row: Mapping[str, Any]) -> tuple[bool, bool, bool, float, str]:
    """Sort key that prefers, in this order: views in color, views in landscape format, objects that are not at the edge
    of a view, and large objects.
    """
    boxes = [o["bbox_2d"] for o in row["objects"]]
    wide = all(1.1 < view["width"] / view["height"] < 1.6 for view in row["views"])
    colored = all(Image.open(io.BytesIO(image["bytes"])).mode == "RGB" for image in row["images"])
    inside = all(min(box) > 20 and max(box) < 980 for box in boxes)
    smallest = min(((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes), default=0)
    return colored, wide, inside, smallest, row["id"]


def of_kind(world: World, contrast: str, task: str, images: int, distractors: str = "") -> list[Mapping[str, Any]]:
    """Rows of a task that show this many images."""
    return [
        row
        for row in world.rows
        if (row["contrast"], row["task"], len(row["views"])) == (contrast, task, images)
        and distractors in ("", row["distractors"])
    ]


def twins(world: World, contrast: str, task: str, images: int) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A row whose answer has boxes, and its twin row whose answer is empty."""
    absent = {row["pair_id"]: row for row in of_kind(world, contrast, "absent", images)}
    rows = [r for r in of_kind(world, contrast, task, images) if r["pair_id"] in absent]
    present = best(rows, lambda r: (_landscape(world, r), *shown_well(r)))
    return present, absent[present["pair_id"]]
