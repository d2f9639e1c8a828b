"""`cgc-train demo`: ask a model about your own images."""

from pathlib import Path

import rich_click as click

from cgc_data.common.progress import show


@click.command()
@click.argument("model")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--find", "label", metavar="LABEL", help='Object to find, such as "dog".')
@click.option(
    "--question", help="Question to ask, instead of naming an object with --find. The answer format is appended."
)
@click.option(
    "--to",
    "picture",
    type=click.Path(path_type=Path),
    help=("New PNG file. The picture shows the images with the predicted boxes."),
)
@click.option("--no-think", is_flag=True, help="For models trained without thinking.")
@click.option(
    "--max-pixels",
    default=409_600,
    show_default=True,
    help=("Maximum number of pixels per image. Larger images are downscaled for the model."),
)
@click.option("--max-new-tokens", default=512, show_default=True, help="Maximum length of the response, in tokens.")
def demo(
    model: str,
    images: tuple[Path, ...],
    label: str | None,
    question: str | None,
    picture: Path | None,
    no_think: bool,
    max_pixels: int,
    max_new_tokens: int,
) -> None:
    """Ask MODEL where an object is in IMAGES, and print the objects that the model finds. MODEL is a folder or a Hub
    id.
    """
    from cgc_data.common.extras import need
    from cgc_train.errors import PredictionsError

    need("train")
    if picture is not None and picture.exists():
        raise PredictionsError(f"{picture}: exists already; choose another file with --to")
    if (label is None) == (question is None):
        raise PredictionsError("pass either --find LABEL or --question TEXT")
    from cgc_train.console import quiet
    from cgc_train.picture import draw_prediction
    from cgc_train.predict import Predictor, upright

    quiet()
    opened = [upright(path) for path in images]
    predictor = Predictor(model, think=not no_think, max_pixels=max_pixels)
    prediction = predictor.ask(opened, label, question=question, max_new_tokens=max_new_tokens)
    for item in prediction.objects:
        corners = ", ".join(f"{value:.0f}" for value in item.bbox_px)
        show(f"{images[item.img_idx - 1]}: {item.label} at [{corners}] pixels, {list(item.bbox_2d)} of 1000")
    if not prediction.objects:
        show("nothing found" if prediction.readable else f"no readable answer: {prediction.response[:300]}")
    if picture is not None:
        show(draw_prediction(opened, prediction, label or str(question), picture))
