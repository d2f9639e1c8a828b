"""Errors that users of the training commands can fix. The command line prints each error on one line.

Each error message names the faulty file or setting and states the fix. All of these errors are subclasses of
`CgcError`, so one handler can print them.
"""

from cgc_data.common.errors import CgcError


class RecipeError(CgcError):
    """A recipe does not exist, or it contains an invalid key, value, or combination of values."""


class ModelError(CgcError):
    """A model or its processor cannot be loaded, or this package cannot train it."""


class TrainingDataError(CgcError):
    """A release has no rows to train on, or a row cannot be used."""


class PredictionsError(CgcError):
    """A file of saved completions cannot be read, or does not belong to the release."""


class MemoryPlanError(CgcError):
    """According to the memory plan, the run does not fit into the GPU memory that the recipe states."""


class RunError(CgcError):
    """A run folder is missing, belongs to another run, or has no checkpoint to resume from."""


class DivergedError(CgcError):
    """The loss, gradient, or weights are not finite. Training stops, because later checkpoints would be unusable."""
