"""Prepares a release for training: selects and orders rows, writes prompts, and resizes images.

Only `bounds_of` needs torch, because it uses the model's processor.
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
