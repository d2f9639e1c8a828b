"""Generates the card of a trained model from its run: training data, scores, and limitations."""

import hashlib
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from cgc_data.metrics import FLOORS, Estimate, Summary, Truth, floor_response, score_item, summarise, truth_of
from cgc_data.release.locate import HUB_ID
from cgc_data.release.paths import without_paths
from cgc_data.release.read import Release
from cgc_train.data import find_release
from cgc_train.errors import RunError
from cgc_train.publish.results import Bounds, Result, card_rows
from cgc_train.reward.miou import MIOU
from cgc_train.reward.settings import RewardSettings
from cgc_train.run import Run
from cgc_train.view.curves import Curve, plot, term_curve

# Curves on the card: the metrics that should rise, and the habit that could raise them without skill.
CARD_CURVES = (
    term_curve(MIOU),
    Curve("right images", "contrast/index_accuracy", "source_acc"),
    Curve("[] although objects exist", "contrast/false_empty", "false_empty"),
)
SHOWN = (
    "acc@0.5",
    "miou",
    "source_acc",
    "leakage",
    "hallucination",
    "nowhere",
    "binding",
    "false_empty",
    "unreadable",
    "constancy",
    "track",
    "format",
)
# Smaller models are tiny test models, which are not for use.
TINY_BYTES = 50_000_000


def model_card(
    run: Run,
    repo_id: str,
    *,
    tag: str | None = None,
    release: Release | None = None,
    license: str = "apache-2.0",
    results: Sequence[Result] = (),
) -> str:
    """Generate the README.md of a run's model, with front matter and text.

    Args:
        run: a finished run.
        repo_id: ORG/NAME of the published model.
        tag: model version that the commands in the card load; None: the newest.
        release: release on which the model was trained; None: the release in the recipe.
        license: license of the weights. Pass the license of the base model.
        results: benchmark results.

    Raises:
        RunError: the run has no metrics.
    """
    metrics = run.metrics()
    if not metrics:
        raise RunError(f"{run.folder}: no metrics to report on the card; finish the run first")
    opened = release or find_release(run.recipe.data)
    recipe = without_paths(run.recipe.model_dump(mode="json"))
    context = {
        "repo_id": repo_id,
        "tag": tag,
        "name": repo_id.rpartition("/")[2],
        "license": license,
        "recipe": recipe,
        "reward": _reward(run.recipe.reward),
        "base": recipe["model"]["name"],
        "on_hub": _is_hub_id(run.recipe.model.name),
        "data_on_hub": _is_hub_id(run.recipe.data.release),
        "release": opened.name,
        "digest": _digest(opened),
        "environment": run.environment(),
        "steps": max((line["step"] for line in metrics), default=0),
        "before": _held_out(run, opened, first=True),
        "after": _held_out(run, opened, first=False),
        "floors": _floors(run, opened),
        "shown": SHOWN,
        "results": card_rows(results),
        "tiny": sum(path.stat().st_size for path in run.model_folder.glob("*.safetensors")) < TINY_BYTES,
    }
    return str(_environment().get_template("model_card.md.j2").render(context))


def card_pictures(run: Run) -> dict[str, bytes]:
    """Draw the curves in `CARD_CURVES` for which the run has data. Returns the PNG files, keyed by path in the
    repository.
    """
    pictures = {}
    for number, curve in enumerate(CARD_CURVES, 1):
        figure = plot(curve, run.metrics(), size=(4.2, 2.5))
        if figure is not None:
            written = io.BytesIO()
            figure.savefig(written, format="png", dpi=160, metadata={"Software": None})
            pictures[f"assets/curve-{number}.png"] = written.getvalue()
    return pictures


def _reward(settings: RewardSettings) -> str:
    """List the reward terms with their weights and meanings."""
    return " + ".join(f"{settings.weight(term)} x {term.symbol} ({term.meaning(settings)})" for term in settings.terms)


def _is_hub_id(name: str) -> bool:
    return bool(HUB_ID.fullmatch(name)) and not Path(name).exists()


def _held_out(run: Run, release: Release, *, first: bool) -> dict[str, object] | None:
    steps = run.held_out_steps()
    if not steps:
        return None
    step = steps[0] if first else steps[-1]
    answers = {row["id"]: row["response"] for row in run.held_out(step)}
    asked = {"require_think": run.recipe.prompt.think, "prefix": run.recipe.prompt.prefix}
    scores = [
        score_item(answers[truth.id], truth, **asked)  # type: ignore[arg-type]
        for truth in _truths(release, set(answers))
    ]
    return {"step": step, "n": len(scores), "metrics": summarise(scores)}


def _floors(run: Run, release: Release) -> dict[str, Summary]:
    steps = run.held_out_steps()
    if not steps:
        return {}
    truths = _truths(release, {row["id"] for row in run.held_out(steps[-1])})
    return {name: summarise([score_item(floor_response(name, t), t) for t in truths]) for name in FLOORS}


def _truths(release: Release, ids: set[str]) -> list[Truth]:
    return [truth_of(row) for row in release.rows() if row["id"] in ids]


def _digest(release: Release) -> str:
    shards = json.dumps(sorted(shard["sha256"] for shard in release.manifest["shards"]))
    return hashlib.sha256(shards.encode()).hexdigest()[:16]


def _environment() -> jinja2.Environment:
    text = (files("cgc_cards") / "model_card.md.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"model_card.md.j2": text}),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown; the filter below escapes user input
    )
    environment.filters["estimate"] = _estimate
    environment.filters["bounds"] = _bounds
    return environment


def _estimate(value: Estimate | None) -> str:
    if value is None or value.value is None:
        return "-"
    bounds = "" if value.low is None or value.high is None else f" [{100 * value.low:.1f}, {100 * value.high:.1f}]"
    return f"{100 * value.value:.1f}{bounds}"


def _bounds(value: Bounds | None) -> str:
    """Format an interval as ` [25.0, 75.0]`. The result is empty if the bounds are unknown."""
    return "" if value is None or value.low is None or value.high is None else f" [{value.low:.1f}, {value.high:.1f}]"
