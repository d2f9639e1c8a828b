"""Writes the table and the curves of benchmarks/learning.py."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.markdown import two_digits, write_between

ARMS = {
    "grpo": "GRPO, the real reward",
    "permuted": "GRPO, solutions permuted",
    "sft": "SFT, as many steps",
    "no-source": "GRPO, image index ignored",
}
SHOWN = ("sampled reward", "reward", "miou", "source_acc", "leakage", "hallucination", "false_empty", "format")
PANELS = {"reward": "held-out reward", "source_acc": "right images", "leakage": "boxes in images without the target"}
# metrics by seed, arm, and step
Outcome: TypeAlias = dict[int, dict[str, dict[str, dict[str, float]]]]
BEGIN, END = "<!-- table: benchmarks/learning.py -->", "<!-- end of table -->"


def report(outcome: Outcome, arms: Sequence[str], docs: Path | None) -> None:
    """Print the table. If `docs` is given, write the table and the curve to that folder."""
    table = markdown(outcome, arms)
    print(table)
    if docs is not None:
        draw(outcome, arms, docs / "pictures" / "learning.png")
        write_between(docs / "learning.md", BEGIN, END, f"\n\n{table}\n")


def markdown(outcome: Outcome, arms: Sequence[str]) -> str:
    """One line per arm and seed, with each metric before and after training."""
    lines = [f"| arm | seed | {' | '.join(SHOWN)} |", "|---|---|" + "---|" * len(SHOWN)]
    for arm in arms:
        for seed, curves in outcome.items():
            steps = sorted(curves[arm], key=int)
            first, last = curves[arm][steps[0]], curves[arm][steps[-1]]
            cells = [f"{two_digits(first.get(name))} → {two_digits(last.get(name))}" for name in SHOWN]
            lines.append(f"| {ARMS[arm]} | {seed} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(outcome: Outcome, arms: Sequence[str], path: Path) -> None:
    """Plot the held-out reward, `source_acc`, and leakage by step, with one line per arm and seed."""
    from matplotlib.figure import Figure

    colors = dict(zip(ARMS, ("#2f5fd0", "#8b95a7", "#12a150", "#e0245e"), strict=True))
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        for arm in arms:
            for number, curves in enumerate(outcome.values()):
                points = [(int(step), line[name]) for step, line in curves[arm].items() if line.get(name) is not None]
                style = {"color": colors[arm], "linewidth": 1.8, "marker": "o", "markersize": 3}
                axes.plot(*zip(*sorted(points), strict=True), label=ARMS[arm] if number == 0 else None, **style)
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("steps after the warm-up")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(ARMS), frameon=False)
    figure.savefig(path, dpi=85, metadata={"Software": None})
