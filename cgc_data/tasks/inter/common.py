"""The one kind of object that all photos show.

There are two forms of the question. One form lists several categories and asks which of them is in every image. The
other form names no category and asks where the shared kind of object is in a given image.
"""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

COMMON = Task(
    name="common",
    contrast=INTER,
    answer="set",
    question=(
        "Which of several categories is in every image? Or: where in a named image is the category that all images "
        "share?"
    ),
    meaning=(
        "Every instance of the one category that all images show, or only the instances in the image that the "
        "question names."
    ),
    pool="common",
    named_pool="common_in",
    share=0.1,
    planner="cgc_data.plan.common:CommonPlanner",
    labels=(3, 6),
    named_label="object",
    candidates=True,
    claims=False,
    needs="photos that share exactly one category",
)
