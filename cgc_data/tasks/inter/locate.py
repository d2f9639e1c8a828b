"""One object in one of several photos."""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.inter.absent import ABSENT
from cgc_data.tasks.task import Task

LOCATE = Task(
    name="locate",
    contrast=INTER,
    answer="one",
    question="Where is the …? Exactly one instance, in exactly one image",
    meaning="Exactly one instance, in exactly one image.",
    pool="locate",
    share=0.12,
    paper=0.3,
    planner="cgc_data.plan.inter:LocatePlanner",
    empty=ABSENT,
)
