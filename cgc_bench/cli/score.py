"""`cgc-bench score`: score saved responses, without running a model."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("task")
@click.option(
    "--annotations",
    type=PATH,
    required=True,
    help=(
        "Annotation file of the benchmark, or the folder that contains it. For contrast: folder or Hub id of the "
        "release."
    ),
)
@click.option(
    "--predictions",
    type=PATH,
    required=True,
    multiple=True,
    help=(
        'Saved responses. Pass a JSON Lines file, in which each line is an object with the keys "index" and '
        '"response". Or pass output of lmms-eval: a samples file, or an output folder that contains only one run. If a '
        "task has several files in the folder, only the newest one is scored. Repeatable."
    ),
)
@click.option(
    "--protocol",
    default="official",
    show_default=True,
    help=(
        "Scoring protocol: official, or strict (only the text after the reasoning counts, and contrast requires tags "
        "around the reasoning and the answer). For the transfer benchmarks, you can also choose vlmevalkit or authors, "
        "to apply the rules of VLMEvalKit or of the authors."
    ),
)
@click.option(
    "--prefix", default="", help=("Text that the chat template puts at the start of every response, such as '<think>'.")
)
@click.option(
    "--postprocess",
    help=(
        "For MIG-Bench with the protocol official: name of the post-processing step that a model's authors applied to "
        "predicted boxes, such as migician."
    ),
)
@click.option("--json", "json_file", type=PATH, help="Also write all scores to this JSON file.")
@click.option(
    "--video-judgements",
    type=PATH,
    help=('For VLM2-Bench: replies of a judge model, as a JSON Lines file of objects with the keys "vid" and "score".'),
)
@click.option(
    "--judge", help="For VLM2-Bench: name of the model that judged the videos. Required with --video-judgements."
)
def score(
    task: str,
    *,
    annotations: Path,
    predictions: tuple[Path, ...],
    protocol: str,
    prefix: str,
    postprocess: str | None,
    json_file: Path | None,
    video_judgements: Path | None,
    judge: str | None,
) -> None:
    """Score saved responses to the benchmark TASK (such as mig or contrast) by the rules of the benchmark's authors.
    Also print how often responses contain errors that these scores do not show, such as boxes in pixels.

    Scores are in percent. The 95 % confidence intervals are computed by resampling clusters of items that share photos.
    If the responses cover only a subset of the items, the output states this.
    """
    from cgc_bench.scoring.asked import Asked, described
    from cgc_bench.scoring.benchmark import benchmark
    from cgc_bench.scoring.samples import asked_by_task, read_matched, whole_response
    from cgc_bench.scoring.summary import check_protocol, score_responses, summarise, write_summary
    from cgc_bench.scoring.tables import score_tables
    from cgc_bench.vlm2.video import judged_summary

    bench = benchmark(task)
    check_protocol(bench, protocol, postprocess)
    items = bench.read_items(annotations)
    samples = read_matched(predictions, items, bench.name)
    asked = asked_by_task(samples, items)
    responses = {index: whole_response(sample.response, prefix) for index, sample in samples.items()}
    results = score_responses(bench, items, responses, protocol=protocol, postprocess=postprocess)
    summary = summarise(bench, items, results, protocol=protocol, postprocess=postprocess, asked=asked)
    summary = {**summary, **judged_summary(summary, video_judgements, judge)}
    if json_file:
        write_summary(summary, json_file)
    console = PlainConsole()
    for table in score_tables(bench, summary, console.width):
        console.print(table)
    if bench.chance:
        show(bench.chance)
    if any(one != Asked() for one in asked.values()):
        show("; ".join(described(asked)))
    for warning in summary["warnings"]:
        show(warning)
