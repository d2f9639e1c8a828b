"""Training errors that users can fix. Each error is raised where its cause is known, and the CLI prints it as one line.

A message names the file or setting at fault and states the fix. All of them are `CgcError`, so one handler prints them.
"""

from cgc_data.common.errors import CgcError


class RecipeError(CgcError):
    """A key, a value, or a combination in a recipe is not valid, or the recipe does not exist."""


class ModelError(CgcError):
    """A model or its processor cannot be loaded, or this package cannot train it."""


class TrainingDataError(CgcError):
    """A release has no rows to train on, or one of its rows cannot be used."""


class PredictionsError(CgcError):
    """A file of saved completions cannot be read, or does not belong to the release."""


class MemoryPlanError(CgcError):
    """According to the memory plan, the run does not fit into the memory that the recipe states."""


class RunError(CgcError):
    """A run folder is missing, belongs to another run, or has no checkpoint to resume from."""


class DivergedError(CgcError):
    """The loss, gradient, or weights are not finite. If training continued, it would only save broken weights."""
