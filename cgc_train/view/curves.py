"""Draws the metrics of a run as SVG curves, for training rows and held-out rows.

The curves show reward terms, failures, lengths, and optimization.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cgc_train.reward import TERMS, RewardSettings, Term
from cgc_train.run import MetricsLine

TRAIN, HELD_OUT = "#8b95a7", "#2f5fd0"


@dataclass(frozen=True)
class Curve:
    """A curve of one metric.

    The log has separate lines for training, held-out rows, and benchmarks. `train`, `held_out`, and `benchmark` are the
    keys of the metric in these lines. A key is None if lines of that kind do not contain the metric.
    """

    title: str
    train: str | None
    held_out: str | None
    share: bool = True
    benchmark: str | None = None


def term_curve(term: Term[RewardSettings]) -> Curve:
    """Build the curve of a reward term: its mean in training, and the held-out metric of the same name, if any."""
    return Curve(f"{term.title} ({term.symbol})", f"rewards/{term.name}_reward/mean", term.name)


GROUPS: Mapping[str, Sequence[Curve]] = {
    "Reward": (
        Curve("reward", "reward", None, share=False),
        *map(term_curve, TERMS),
        Curve("accuracy at IoU 0.5", None, "acc@0.5"),
    ),
    "Keeping images apart": (
        Curve("right images", "contrast/index_accuracy", "source_acc"),
        Curve("IoU ignoring the image index", "contrast/iou_any_image", None),
        Curve("boxes in distractor images", "contrast/distractor_boxes", "leakage"),
        Curve("same object in both directions", None, "constancy"),
    ),
    "Habits": (
        Curve("boxes although nothing matches", "contrast/hallucination", "hallucination"),
        Curve("[] although objects exist", "contrast/false_empty", "false_empty"),
        Curve("unreadable", "contrast/unreadable", "unreadable"),
        Curve("pixel scale", "contrast/pixel_scale", "pixel_scale"),
    ),
    "Optimization": (
        Curve("useless groups (equal rewards)", "frac_reward_zero_std", None),
        Curve("useless groups before replacement", "groups/idle_sampled", None),
        Curve("completions sampled as replacements", "groups/extra_completions", None, share=False),
        Curve("entropy", "entropy", None, share=False),
        Curve("tokens per completion", "completions/mean_length", None, share=False),
        Curve("KL to the reference", "kl", None, share=False),
        Curve("loss", "loss", None, share=False),
        Curve("gradient norm", "grad_norm", None, share=False),
        Curve("learning rate", "learning_rate", None, share=False),
        Curve("truncated at the token limit", "completions/clipped_ratio", None),
    ),
}

Points = list[tuple[float, float]]


def draw_curves(metrics: Sequence[MetricsLine]) -> dict[str, list[str]]:
    """Draw the curves as SVG, and skip curves without points. Returns a list of pictures for each group of curves."""
    drawn = {
        group: [svg for curve in curves if (svg := _draw(curve, metrics)) is not None]
        for group, curves in {**GROUPS, "Benchmark during training": benchmark_curves(metrics)}.items()
    }
    return {group: pictures for group, pictures in drawn.items() if pictures}


def benchmark_curves(metrics: Sequence[MetricsLine]) -> list[Curve]:
    """Build a curve for each metric of the benchmark that runs during training. The title is the key of the metric
    without `benchmark/`.
    """
    names = {name for line in metrics if line.get("kind") == "benchmark" for name in line if "/" in name}
    return [Curve(name.removeprefix("benchmark/"), None, None, share=False, benchmark=name) for name in sorted(names)]


def points(metrics: Sequence[MetricsLine], kind: str, key: str | None) -> Points:
    """Read the pairs (step, value) of a metric from the log lines of one kind."""
    lines = [line for line in metrics if line.get("kind") == kind]
    found = [(line["step"], line.get(key)) for line in lines] if key else []
    return [(float(step), float(value)) for step, value in found if isinstance(value, int | float)]


def plot(curve: Curve, metrics: Sequence[MetricsLine], size: tuple[float, float] = (3.5, 2.0)) -> Figure | None:
    """Draw a curve as a figure, with `size` in inches. Returns None if the curve has no points."""
    train, held_out = points(metrics, "train", curve.train), points(metrics, "held_out", curve.held_out)
    held_out += points(metrics, "benchmark", curve.benchmark)  # a curve has values from only one of the two
    if not train and not held_out:
        return None
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    if train:
        axes.plot(*zip(*train, strict=True), color=TRAIN, linewidth=1.2, label="training, sampled")
    if held_out:
        axes.plot(*zip(*held_out, strict=True), color=HELD_OUT, marker="o", markersize=3.5, label="held out, greedy")
    if curve.share:
        axes.set_ylim(-0.03, 1.03)
    axes.set_title(curve.title, fontsize=9.5, loc="left")
    axes.tick_params(labelsize=7.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    if train and held_out:
        axes.legend(fontsize=7, frameon=False)
    return figure


def _draw(curve: Curve, metrics: Sequence[MetricsLine]) -> str | None:
    figure = plot(curve, metrics)
    if figure is None:
        return None
    written = io.StringIO()
    # keep text as text, and make ids unique across the pictures of a page
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": curve.title}):
        figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    text = written.getvalue()
    return text[text.index("<svg") :]
