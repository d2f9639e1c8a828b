"""Statistics of a release, as one dictionary that can be written as JSON.

All columns except the images are read once. Memory use grows with the number of distinct photos and labels, not with
the number of rows. The statistics do not depend on how rows are batched.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cgc_data.plan.asked import asked_as
from cgc_data.release.rows import Row
from cgc_data.release.schema import SPLITS
from cgc_data.release.stats import Example, Histogram, LabelCounts, LicenseCounts, Stats
from cgc_data.tasks import TASKS

AREA_EDGES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # share of the view's area
SIDE_EDGES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 640)  # shorter side, pixels of the view
EXAMPLE = ["id", "question", "answer", "views"]  # columns of the example that the card shows
DIFFICULTY_EDGES = tuple(round(0.1 * i, 1) for i in range(11))


COCO_PHOTO = r"^\d{12}\.jpg$"  # base name of a COCO photo

LENT = "lent"  # role of a photo that contributes one object to a view

Key: TypeAlias = tuple[Any, ...]  # values by which items are counted, such as a contrast and a split
Column: TypeAlias = npt.NDArray[Any]


@dataclass
class _Tally:
    """Running counts."""

    task_split: Counter[Key] = field(default_factory=Counter)
    wording: Counter[Key] = field(default_factory=Counter)
    answer_images: Counter[Key] = field(default_factory=Counter)
    num_images: Counter[Key] = field(default_factory=Counter)
    num_objects: Counter[Key] = field(default_factory=Counter)
    distractors: Counter[Key] = field(default_factory=Counter)
    labels: Counter[Key] = field(default_factory=Counter)
    objects: Counter[Key] = field(default_factory=Counter)
    position: Counter[Key] = field(default_factory=Counter)
    area: Counter[Key] = field(default_factory=Counter)
    side: Counter[Key] = field(default_factory=Counter)
    difficulty: Counter[Key] = field(default_factory=Counter)
    warrants: Counter[Key] = field(default_factory=Counter)
    templates: Counter[Key] = field(default_factory=Counter)
    photos: Counter[Key] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)


def release_stats(rows: Iterable[pa.RecordBatch | pa.Table]) -> Stats:
    """Counts and histograms over the rows of a release (all columns of the schema except `images`).

    `target_position[contrast][n]` covers the rows with n images. For each image position, it states how many of these
    rows have a target there.
    """
    tally = _Tally()
    for part in rows:
        table = pa.table(part) if isinstance(part, pa.RecordBatch) else part
        if table.num_rows:
            _add(tally, table.combine_chunks())
    return _result(tally)


def _add(tally: _Tally, table: pa.Table) -> None:
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    contrast, task, split = (_texts(columns[c]) for c in ("contrast", "task", "split"))
    name = np.char.add(np.char.add(contrast, "/"), task)
    images, objects = _lengths(columns["views"]), _lengths(columns["objects"])
    _count(tally.task_split, name, split)
    _count(tally.wording, contrast, _texts(columns["template_id"]))
    _count(tally.num_images, contrast, images)
    _count(tally.num_objects, contrast, objects)
    _count(tally.distractors, _texts(columns["distractors"]))
    _count(tally.templates, _texts(columns["template_id"]))
    _count(tally.difficulty, _bins(columns["difficulty"].to_numpy(zero_copy_only=False), DIFFICULTY_EDGES))
    labels = columns["query"].field("labels")
    _count(tally.labels, _texts(labels.flatten()), objects[_parents(labels)] == 0)
    _count(tally.warrants, _warrants(columns["evidence"]))
    _add_objects(tally, columns, contrast, images, name)
    views, of_view = columns["views"].flatten(), split[_parents(columns["views"])]
    _add_photos(tally, views, of_view, _texts(views.field("role")))
    parts = views.field("parts")
    lent = _texts(parts.flatten().field("annotation_id")) != ""
    lenders = parts.flatten().filter(pa.array(lent))
    _add_photos(tally, lenders, of_view[_parents(parts)][lent], np.full(len(lenders), LENT))
    _add_examples(tally, table, name)


def _add_objects(tally: _Tally, columns: dict[str, pa.Array], contrast: Column, images: Column, name: Column) -> None:
    objects, views, parents = columns["objects"].flatten(), columns["views"].flatten(), _parents(columns["objects"])
    if not len(objects):
        return
    index = objects.field("img_idx").to_numpy() - 1
    shown = np.concatenate(([0], np.cumsum(images)))[parents] + index
    size = np.stack([views.field(side).to_numpy()[shown] for side in ("width", "height")], axis=-1)
    boxes = objects.field("bbox_px").flatten().to_numpy().reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    _count(tally.area, contrast[parents], _bins(sides.prod(axis=-1) / size.prod(axis=-1), AREA_EDGES))
    _count(tally.side, contrast[parents], _bins(sides.min(axis=-1), SIDE_EDGES))
    _count(tally.objects, _asked_labels(columns, _texts(objects.field("label")), parents))
    held = np.unique(np.stack([parents, index], axis=-1), axis=0)  # an image with two targets counts once
    _count(tally.position, contrast[held[:, 0]], images[held[:, 0]], held[:, 1])
    rows, numbers = np.unique(held[:, 0], return_counts=True)
    _count(tally.answer_images, name[rows], _lengths(columns["answer_images"])[rows], numbers)


def _asked_labels(columns: dict[str, pa.Array], written: Column, parents: Column) -> Column:
    """The requested label of each object (n,). If the query has a single label, that label is used, because the label
    in the answer can be a generic word, such as "object".
    """
    labels = columns["query"].field("labels")
    asked = np.full(len(labels), "", dtype=object)
    alone = _lengths(labels) == 1
    asked[alone] = _texts(labels.flatten())[alone[_parents(labels)]]
    return np.where(alone[parents], asked[parents], written).astype(str)


def _add_photos(tally: _Tally, views: pa.Array, split: Column, role: Column) -> None:
    """Count, by split and role, the photos that are shown and the photos from which an object was taken.

    A COCO photo counts once across all sources. Any other photo counts once per source.
    """
    base = pc.replace_substring_regex(views.field("file_name"), r".*/", "")
    is_coco = pc.match_substring_regex(base, COCO_PHOTO)
    photo = pc.if_else(is_coco, base, pc.binary_join_element_wise(views.field("source"), views.field("file_name"), ":"))
    linked = np.asarray(pc.not_equal(pc.fill_null(views.field("flickr_url"), ""), ""))
    license = views.field("license").fill_null(-1).to_numpy(zero_copy_only=False)
    _count(tally.photos, _texts(photo), split, license, _texts(views.field("license_url")), linked, role)


def _add_examples(tally: _Tally, table: pa.Table, names: Column) -> None:
    for name in sorted(set(names.tolist()) - tally.examples.keys()):
        row: Row = table.slice(int(np.argmax(names == name)), 1).select(EXAMPLE).to_pylist()[0]
        views = len(row["views"])
        tally.examples[name] = {"id": row["id"], "question": row["question"], "answer": row["answer"], "views": views}


def _result(tally: _Tally) -> Stats:
    task_split = {task: _by(tally.task_split, task) for task in sorted({k[0] for k in tally.task_split})}
    photos = {key[0] for key in tally.photos}
    uses = _sum(tally.photos, 0)
    return {
        "total": tally.task_split.total(),
        "by_split": {s: n for s in SPLITS if (n := _sum(tally.task_split, 1).get(s, 0))},
        "by_task": {task: sum(counts.values()) for task, counts in task_split.items()},
        "by_asked_task": _asked(tally.wording),
        "by_task_and_split": {t: {s: c[s] for s in SPLITS if s in c} for t, c in task_split.items()},
        "by_label": _labels(tally),
        "by_num_images": _nested(tally.num_images),
        "by_num_objects": _nested(tally.num_objects),
        "by_answer_images": _answer_images(tally.answer_images),
        "by_distractors": _sum(tally.distractors, 0),
        "by_warrant": _sum(tally.warrants, 0),
        "by_template": _sum(tally.templates, 0),
        "target_position": _positions(tally.position),
        "box_area_share": _histograms(tally.area, AREA_EDGES),
        "box_short_side_px": _histograms(tally.side, SIDE_EDGES),
        "difficulty": {"edges": list(DIFFICULTY_EDGES), "counts": _dense(_sum(tally.difficulty, 0), DIFFICULTY_EDGES)},
        "licenses": _licenses(tally.photos),
        "photos": {
            "distinct": len(photos),
            "by_split": {s: n for s in SPLITS if (n := len({k[0] for k in tally.photos if k[1] == s}))},
            "with_flickr_page": len({k[0] for k in tally.photos if k[4]}),
            "views": sum(n for key, n in tally.photos.items() if key[5] != LENT),
            "by_role": _sum(tally.photos, 5),
            "most_views_of_one_photo": max(uses.values(), default=0),
        },
        "examples": dict(sorted(tally.examples.items())),
    }


def _asked(wording: Counter[Key]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (contrast, template), count in wording.items():
        found[asked_as(contrast, template)] += count
    return dict(sorted((task, count) for task, count in found.items() if task))


def _answer_images(counts: Counter[Key]) -> dict[str, dict[str, int]]:
    """The number of rows, by the number of images that can contain target objects, and by the number of images that
    contain at least one.

    Only questions that ask for a set of objects in uncropped photos are counted.
    """
    kept: Counter[Key] = Counter()
    for (task, images, answers), count in counts.items():
        declared = TASKS.get(task)
        if declared and declared.answer == "set" and not declared.contrast.windows and not declared.candidates:
            kept[images, answers] += count
    return _nested(kept)


def _labels(tally: _Tally) -> dict[str, LabelCounts]:
    """The counts of each label, sorted by the number of questions in descending order.

    `absent` counts the rows whose answer is the empty list.
    """
    asked, objects = _sum(tally.labels, 0), _sum(tally.objects, 0)
    order = sorted(asked, key=lambda label: (-asked[label], label))
    return {
        label: {"rows": asked[label], "absent": tally.labels[(label, True)], "objects": objects.get(label, 0)}
        for label in order
    }


def _licenses(photos: Counter[Key]) -> list[LicenseCounts]:
    kinds = sorted({key[2:4] for key in photos})
    return [
        {
            "license": number if number >= 0 else None,
            "url": url,
            "photos": len({k[0] for k in photos if k[2:4] == (number, url)}),
            "views": sum(n for k, n in photos.items() if k[2:4] == (number, url)),
        }
        for number, url in kinds
    ]


def _positions(counts: Counter[Key]) -> dict[str, dict[str, list[int]]]:
    kinds = sorted({key[:2] for key in counts})
    found: dict[str, dict[str, list[int]]] = {contrast: {} for contrast, _ in kinds}
    for contrast, images in kinds:
        found[contrast][str(images)] = [counts[(contrast, images, place)] for place in range(images)]
    return found


def _histograms(counts: Counter[Key], edges: tuple[float, ...]) -> Histogram:
    kinds = sorted({key[0] for key in counts})
    return {"edges": list(edges), "counts": {kind: _dense(_by(counts, kind), edges) for kind in kinds}}


def _dense(counts: dict[Any, int], edges: tuple[float, ...]) -> list[int]:
    return [counts.get(index, 0) for index in range(len(edges) - 1)]


def _nested(counts: Counter[Key]) -> dict[str, dict[str, int]]:
    kinds = sorted({key[0] for key in counts})
    return {str(kind): {str(value): n for value, n in sorted(_by(counts, kind).items())} for kind in kinds}


def _by(counts: Counter[Key], first: Any) -> dict[Any, int]:
    return {key[1]: n for key, n in counts.items() if key[0] == first}


def _sum(counts: Counter[Key], position: int) -> dict[Any, int]:
    total: Counter[Any] = Counter()
    for key, n in counts.items():
        total[key[position]] += n
    return dict(sorted(total.items()))


def _count(counter: Counter[Key], *keys: Column) -> None:
    names = [str(i) for i in range(len(keys))]
    counted = pa.table([pa.array(k) for k in keys], names=names).group_by(names).aggregate([([], "count_all")])
    *values, counts = (counted[c].to_pylist() for c in [*names, "count_all"])
    for key, count in zip(zip(*values, strict=True), counts, strict=True):
        counter[key] += count


def _bins(values: Column, edges: tuple[float, ...]) -> Column:
    return np.clip(np.searchsorted(np.asarray(edges), values, side="right") - 1, 0, len(edges) - 2)


def _warrants(evidence: pa.Array) -> Column:
    return _texts(pc.replace_substring_regex(evidence.flatten().field("warrant"), r":.*", ""))


def _lengths(lists: pa.Array) -> Column:
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0))


def _parents(lists: pa.Array) -> Column:
    return np.asarray(pc.list_parent_indices(lists))


def _texts(values: pa.Array) -> Column:
    return np.asarray(pc.fill_null(values, "").to_numpy(zero_copy_only=False), dtype=np.str_)
