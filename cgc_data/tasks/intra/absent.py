"""A label of the photo that no displayed window contains. The row has an empty answer. Its twin is a question about the
same label in other windows.
"""

from cgc_data.tasks.intra import INTRA
from cgc_data.tasks.task import Task

ABSENT = Task(
    name="absent",
    contrast=INTRA,
    answer="empty",
    question="an object that is in the photo, but outside every displayed window",
    meaning=(
        "The label of an object that is in the photo, but outside every displayed window; the answer is the empty list."
    ),
)
