"""What one of two images of a scene shows and the other does not."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

DIFFERENCE = Task(
    name="difference",
    contrast=INTRA,
    answer="one",
    question="two images of one scene: what does one show that the other does not? Or the named one; or nothing",
    meaning="An object of another photo that was added to one of two images of a scene; without one, the empty list.",
    pool="difference",
    named_pool="difference_in",
    share=0.08,
    planner="cgc_data.plan.difference:DifferencePlanner",
    may_be_empty=True,
    labels=(0, 0),
    answer_label="difference",
    claims=False,
    draws_quality=True,
    needs="photos with objects that stand on the ground, and photos that lend whole, uncut ones with masks",
)
