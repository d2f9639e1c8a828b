"""One object of a photo. The object is boxed in one window and must be found in other windows."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

SAME_OBJECT = Task(
    name="same_object",
    contrast=INTRA,
    answer="set",
    named_answer="one",
    question=(
        "The object in a given box of one view: where is it in another view, or in every other view that shows it? "
        "Another object of its category is next to it"
    ),
    meaning="The object in the dashed box of one view, located in another view or in every view that shows it.",
    pool="same_object_all",
    named_pool="same_object",
    share=0.12,
    paper=0.25,
    planner="cgc_data.plan.same_object:SameObjectPlanner",
    claims=False,
    gives_box=True,
    both_ways=True,
)
