"""Every object of a category in several windows of one photo."""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.intra.absent import ABSENT
from cgc_data.tasks.task import Task

LOCATE_ALL = Task(
    name="locate_all",
    contrast=INTRA,
    answer="set",
    question="every … in each view, including views that cut off an instance or show no instance",
    meaning="Every instance in each view; a view may cut off instances or show none.",
    pool="locate_all",
    share=0.1,
    paper=0.25,
    planner="cgc_data.plan.window_sets:WindowSetPlanner",
    empty=ABSENT,
    needs="photos with a fully annotated category that some windows show and other windows do not",
)
