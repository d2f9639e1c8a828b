"""`cgc-train reward`: compute the reward terms and metrics of saved completions."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.table import Table

from cgc_data.common.progress import show, track
from cgc_data.common.tables import PlainConsole

if TYPE_CHECKING:
    from cgc_data.metrics import Estimate, Metric, Truth
    from cgc_train.reward import PromptSettings, RewardSettings
    from cgc_train.reward.predictions import Scored

FLOOR_METRICS: tuple["Metric", ...] = ("acc@0.5", "miou", "leakage", "hallucination", "false_empty")


@click.command()
@click.argument("release")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    required=True,
    help=(
        'JSON Lines file with the fields "id" and "response". If a row has several responses, number them '
        '1, 2, 3 in the field "sample".'
    ),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=("New JSON Lines file for the reward terms of every completion."),
)
@click.option(
    "--recipe", help="Recipe from which to take the reward and prompt settings.  [default: the default settings]"
)
@click.option(
    "--floors/--no-floors",
    default=True,
    show_default=True,
    help="Also score trivial answers that ignore the images, for comparison.",
)
def reward(
    release: str, settings: tuple[str, ...], *, predictions: Path, out: Path | None, recipe: str | None, floors: bool
) -> None:
    """Score saved completions on RELEASE.

    Prints the reward and its terms for each task, and the metrics with 95 % confidence intervals.

    RELEASE can be a release without images. Write each setting as KEY=VALUE, where KEY is a key in the section `reward`
    or `prompt` of a recipe: for example, reward.power=2 or prompt.think=false.
    """
    from cgc_train.data.find import find_release
    from cgc_train.recipe import DataSettings
    from cgc_train.reward.predictions import check_free, find_asked, read_predictions, score_predictions, write_terms

    rules, prompt = _rules(recipe, settings)
    if out:
        check_free(out)
    responses = read_predictions(predictions)
    asked = find_asked(find_release(DataSettings(release=release)), list(dict.fromkeys(e.id for e in responses)))
    entries = score_predictions(responses, asked.truths, rules, prompt)
    scored = list(track(entries, "scored", total=len(responses)))
    if out:
        write_terms(out, scored)
    shares = ", ".join(f"{count:,} of {asked.rows[split]:,} {split} rows" for split, count in asked.answered.items())
    show(f"{len(scored):,} predictions: {shares}")
    if len(scored) > len(asked.truths):
        show(_groups(scored))
    console = PlainConsole()
    console.print(_reward_table(scored))
    console.print(_metric_table(scored))
    if floors:
        console.print(_floor_table(list(asked.truths.values())))
    if out:
        show(f"wrote the reward terms of every completion to {out}")


def _rules(recipe: str | None, settings: Sequence[str]) -> tuple["RewardSettings", "PromptSettings"]:
    """Read the reward and prompt settings from a recipe, or use the defaults. Then apply the `key=value` overrides.

    Raises RecipeError if the recipe or an override is not valid.
    """
    from cgc_data.common.settings import merge_all, parse_override, read_settings
    from cgc_train.errors import RecipeError
    from cgc_train.recipe import load_recipe
    from cgc_train.reward.settings import Rules

    if recipe:
        loaded = load_recipe(recipe, settings)
        return loaded.reward, loaded.prompt
    values = merge_all([parse_override(text, RecipeError) for text in settings])
    rules = read_settings(Rules, values, "command line", RecipeError)
    return rules.reward, rules.prompt


def _groups(scored: Sequence["Scored"]) -> str:
    """Describe the number of responses per row, and the share of rows whose responses all earn the same reward."""
    from collections import Counter

    from cgc_train.reward import zero_variance

    sizes = Counter(Counter(entry.item.truth.id for entry in scored).values())
    counts = ", ".join(f"{rows:,} with {size}" for size, rows in sorted(sizes.items()))
    equal = zero_variance([entry.terms for entry in scored])
    return (
        f"responses per row: {counts}; in {equal:.0%} of the rows with several responses, all responses earn the same "
        "reward"
    )


def _reward_table(scored: Sequence["Scored"]) -> Table:
    """Build a table of the mean reward and the mean of each term, per task."""
    table = Table("task", title="Reward", title_justify="left", title_style="bold")
    names = list(scored[0].terms.values)
    for head in ("n", "reward", *names):
        table.add_column(head, justify="right")
    tasks = sorted({entry.item.truth.task_id for entry in scored})
    groups = [(task, [entry.terms for entry in scored if entry.item.truth.task_id == task]) for task in tasks]
    for name, terms in [*groups, ("all", [entry.terms for entry in scored])]:
        columns = [[term.reward for term in terms], *([term.values[key] for term in terms] for key in names)]
        means = [sum(column) / len(column) for column in columns]
        table.add_row(name, f"{len(terms):,}", *(f"{mean:.3f}" for mean in means))
    return table


def _metric_table(scored: Sequence["Scored"]) -> Table:
    """Build a table of metrics with their confidence intervals and the number of rows (n). Metrics that are not defined
    for any row are omitted.
    """
    from cgc_data.metrics import summarise

    table = Table("metric", title="Metrics", title_justify="left", title_style="bold")
    for head in ("value", "95 %", "n"):
        table.add_column(head, justify="right")
    for name, estimate in summarise([entry.item for entry in scored]).items():
        if estimate.n:
            table.add_row(name, *_cells(estimate))
    return table


def _floor_table(truths: Sequence["Truth"]) -> Table:
    """Build a table of scores on the given rows, for trivial answers that ignore the images."""
    from cgc_data.metrics import FLOORS, floor_response, score_item, summarise

    title = "Answers that ignore the images, on the same rows"
    table = Table("answer", title=title, title_justify="left", title_style="bold")
    for head in FLOOR_METRICS:
        table.add_column(head, justify="right")
    for name in FLOORS:
        scores = [score_item(floor_response(name, truth), truth) for truth in truths]
        floor = summarise(scores, resamples=0)
        table.add_row(name, *(_share(floor[metric].value) for metric in FLOOR_METRICS))
    return table


def _cells(estimate: "Estimate") -> tuple[str, str, str]:
    between = "" if estimate.low is None else f"{_share(estimate.low)} to {_share(estimate.high)}"
    return _share(estimate.value), between, f"{estimate.n:,}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
