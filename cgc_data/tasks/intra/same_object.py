"""One object of a photo, given in one window and to be found again in another."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

SAME_OBJECT = Task(
    name="same_object",
    contrast=INTRA,
    answer="one",
    question="the object in a given box of one view: where is it in another view? A sibling of its category is in both",
    meaning="The object in the dashed box of one view, found again in another view.",
    named_pool="same_object",
    share=0.25,
    paper=0.25,
    planner="cgc_data.plan.same_object:SameObjectPlanner",
    claims=False,
    gives_box=True,
    both_ways=True,
)
