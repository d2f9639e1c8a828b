"""Errors of training that a user can mend. Each is raised where the fault is known and shown by the CLI as one line.

A message names the file (or setting) at fault and says the mend; all are `CgcError`, so that one handler shows them.
"""

from cgc_data.common.errors import CgcError


class RecipeError(CgcError):
    """A recipe's key, value or combination is not valid, or there is no such recipe."""


class ModelError(CgcError):
    """A model or its processor cannot be loaded, or is not one that this package can train."""


class TrainingDataError(CgcError):
    """A release leaves no rows to train on, or a row of it cannot be used."""


class PredictionsError(CgcError):
    """A file of saved completions cannot be read, or does not belong to the release."""


class MemoryPlanError(CgcError):
    """By arithmetic, the run does not fit into the memory that the recipe states."""


class RunError(CgcError):
    """A run folder is missing, belongs to another run, or holds no checkpoint to go on from."""


class DivergedError(CgcError):
    """The loss is not a number; going on would only write broken weights."""
