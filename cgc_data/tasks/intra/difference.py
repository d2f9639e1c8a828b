"""The object that only one of two images of a scene shows."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

DIFFERENCE = Task(
    name="difference",
    contrast=INTRA,
    answer="one",
    question=(
        "Two images of one scene: what does only one of them show? The question may name the image. The answer may be "
        "empty"
    ),
    meaning=(
        "The object that was cut from another photo and pasted into one of two images of a scene; the empty list if "
        "nothing was pasted."
    ),
    pool="difference",
    named_pool="difference_in",
    share=0.08,
    planner="cgc_data.plan.difference:DifferencePlanner",
    may_be_empty=True,
    labels=(0, 0),
    answer_label="difference",
    claims=False,
    draws_quality=True,
    needs="photos with objects that stand on the ground, and photos with complete objects that have masks",
)
