"""A label that none of the photos shows. The row has an empty answer. Its twin is a question about the same label in
other photos.
"""

from cgc_data.tasks.inter import INTER
from cgc_data.tasks.task import Task

ABSENT = Task(
    name="absent",
    contrast=INTER,
    answer="empty",
    question="something that no image contains",
    meaning="A label that is in none of the images; the answer is the empty list.",
)
