"""Turns a release into training data: selected and ordered rows, prompts, and image files of the right size.

Only `bounds_of`, which uses the model's processor, needs torch.
"""

from cgc_train.data.bounds import Bounds, bounds_of
from cgc_train.data.build import held_out_set, training_set
from cgc_train.data.find import find_release
from cgc_train.data.images import ImageStore
from cgc_train.data.rows import as_trained, check_row
from cgc_train.data.select import epoch_order, grades

__all__ = [
    "Bounds",
    "ImageStore",
    "as_trained",
    "bounds_of",
    "check_row",
    "epoch_order",
    "find_release",
    "grades",
    "held_out_set",
    "training_set",
]
