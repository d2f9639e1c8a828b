"""The plots on a dataset card, drawn from the statistics of the release.

All plots use the Agg backend, a fixed style, and no metadata, so that the same statistics give the same bytes.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cgc_data.release.stats import Histogram, Stats
from cgc_data.tasks import CONTRASTS

COLORS = {name: contrast.color for name, contrast in CONTRASTS.items()}
FIRST = next(iter(CONTRASTS))
SPLIT_COLORS = {"train": "#3b6fd4", "validation": "#8fb4f0", "test": "#e8833a"}
INK, FAINT = "#2b2f36", "#d9dde3"
MOST_LABELS = 40
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eceff3",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.12,
}


def plot_assets(stats: Stats, folder: Path) -> list[Path]:
    """Write one PNG per plot into `folder`, and return the paths of the files.

    The folder is created if it is missing. `stats` comes from `release_stats`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_save(draw, stats, folder / f"{name}.png") for name, (draw, _) in PLOTS.items()]


def plot_captions() -> dict[str, str]:
    """The caption of each plot, by the base name of its file."""
    return {f"{name}.png": caption for name, (_, caption) in PLOTS.items()}


def _save(draw: Callable[[Stats], Figure], stats: Stats, path: Path) -> Path:
    with matplotlib.style.context(["default", STYLE]):
        figure = draw(stats)
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Glyph .* missing"
            )  # names in scripts that no available font covers
            FigureCanvasAgg(figure).print_png(path, metadata={"Software": None})
    return path


def _figure(width: float, height: float, panels: int = 1) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    return figure, list(axes)


def _tasks(stats: Stats) -> Figure:
    tasks = stats["by_task_and_split"]
    figure, (axes,) = _figure(8, 1.3 + 0.45 * max(len(tasks), 1))
    left = np.zeros(len(tasks))
    for split, color in SPLIT_COLORS.items():
        counts = np.array([splits.get(split, 0) for splits in tasks.values()], dtype=float)
        if counts.sum():
            axes.barh([_task_name(t) for t in tasks], counts, left=left, color=color, label=split, height=0.66)
            left += counts
    for place, total in enumerate(left):
        axes.text(total, place, f"  {total:,.0f}", va="center")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    axes.set(title="Rows per task", xlabel="rows")
    _legend(figure, axes)
    return figure


def _categories(stats: Stats) -> Figure:
    labels = dict(list(stats["by_label"].items())[:MOST_LABELS])
    figure, (axes,) = _figure(8, 1.5 + 0.2 * max(len(labels), 3))
    present = [counts["rows"] - counts["absent"] for counts in labels.values()]
    absent = [counts["absent"] for counts in labels.values()]
    axes.barh(list(labels), present, color=COLORS[FIRST], label="shown in an image", height=0.72)
    axes.barh(list(labels), absent, left=present, color="#b9c0ca", label="in none of the images", height=0.72)
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.tick_params(axis="y", labelsize=8.5)
    axes.grid(axis="y", visible=False)
    more = len(stats["by_label"]) - len(labels)
    axes.set(
        title="Rows per category" + (f" (the {len(labels)} most frequent of {len(labels) + more})" if more else "")
    )
    axes.set_xlabel("rows that ask for it")
    _legend(figure, axes)
    return figure


def _box_sizes(stats: Stats) -> Figure:
    figure, axes = _figure(9, 3.6, panels=2)
    _histogram(axes[0], stats["box_area_share"], lambda share: f"{100 * share:g}")
    axes[0].set(title="Area of a box", xlabel="% of its view", ylabel="share of the boxes, %")
    _histogram(axes[1], stats["box_short_side_px"], lambda side: f"{side:g}")
    axes[1].set(title="Shorter side of a box", xlabel="pixels of its view")
    _legend(figure, axes[0])
    return figure


def _histogram(axes: Axes, histogram: Histogram, text: Callable[[float], str]) -> None:
    """Draw a histogram. The bins are roughly logarithmic, but all bars have the same width.

    The labels between the bars are the edges of the bins.
    """
    edges, bars = histogram["edges"], len(histogram["edges"]) - 1
    width = 0.8 / max(len(histogram["counts"]), 1)
    for index, (contrast, counts) in enumerate(histogram["counts"].items()):
        share = 100 * np.array(counts) / max(sum(counts), 1)
        places = np.arange(bars) + 0.1 + width * (index + 0.5)
        axes.bar(places, share, width=width * 0.94, color=COLORS[contrast], label=contrast)
    axes.set_xticks(np.arange(bars + 1), [text(e) for e in edges], fontsize=8.5)
    axes.grid(axis="x", visible=False)


def _positions(stats: Stats) -> Figure:
    """Draw the share of targets at each image position, which should be uniform.

    Each contrast has a grid. In a grid, each row covers the samples with a certain number of images.
    """
    kinds = stats["target_position"] or {FIRST: {}}
    figure, axes = _figure(9, 1.6 + 0.42 * max(len(k) for k in kinds.values()), panels=len(kinds))
    for panel, (contrast, sizes) in zip(axes, kinds.items(), strict=True):
        _cells(panel, sizes, COLORS[contrast])
        panel.set_title(f"Where the targets are: {contrast}")
    return figure


def _cells(axes: Axes, sizes: dict[str, list[int]], color: str) -> None:
    for line, counts in enumerate(sizes.values()):
        even, total = 1 / len(counts), max(sum(counts), 1)
        for place, count in enumerate(counts):
            strength = min(0.9, 0.35 * count / total / even)
            axes.add_patch(_cell(place, line, color, strength))
            axes.text(place + 0.5, line + 0.5, f"{100 * count / total:.0f}%", ha="center", va="center", fontsize=9)
    widest = max((len(counts) for counts in sizes.values()), default=1)
    axes.set(xlim=(0, widest), ylim=(max(len(sizes), 1), 0), xlabel="position of the image", ylabel="images shown")
    axes.set_xticks(np.arange(widest) + 0.5, [str(i + 1) for i in range(widest)])
    axes.set_yticks(
        np.arange(len(sizes)) + 0.5, [f"{n}  (n = {sum(counts):,})" for n, counts in sizes.items()], fontsize=9
    )
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)


def _cell(x: float, y: float, color: str, strength: float) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x + 0.06, y + 0.1), 0.88, 0.8, boxstyle="round,pad=0,rounding_size=0.08", color=color, alpha=strength, lw=0
    )


def _num_images(stats: Stats) -> Figure:
    figure, axes = _figure(9, 3.4, panels=2)
    for panel, counts, title in (
        (axes[0], stats["by_num_images"], "Images per row"),
        (axes[1], stats["by_num_objects"], "Objects per answer"),
    ):
        _grouped(panel, counts)
        panel.set(title=title, ylabel="rows")
    _legend(figure, axes[0])
    return figure


def _grouped(axes: Axes, kinds: dict[str, dict[str, int]]) -> None:
    values = sorted({int(value) for counts in kinds.values() for value in counts})
    width = 0.8 / max(len(kinds), 1)
    for index, (contrast, counts) in enumerate(kinds.items()):
        heights = [counts.get(str(value), 0) for value in values]
        shift = (index - (len(kinds) - 1) / 2) * width
        axes.bar(np.arange(len(values)) + shift, heights, width * 0.94, color=COLORS[contrast], label=contrast)
    axes.set_xticks(np.arange(len(values)), [str(value) for value in values])
    axes.grid(axis="x", visible=False)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def _task_name(task: str) -> str:
    return task.replace("/", " · ")


PLOTS: dict[str, tuple[Callable[[Stats], Figure], str]] = {
    "tasks": (_tasks, "Rows per task and split"),
    "categories": (_categories, "The categories asked for most"),
    "box_sizes": (_box_sizes, "Sizes of the ground-truth boxes, as a share of the view and in pixels"),
    "target_position": (_positions, "Share of the targets at each image position"),
    "num_images": (_num_images, "Images per row and objects per answer"),
}
