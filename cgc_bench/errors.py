"""Errors of benchmarks that a user can mend. Each is raised where the fault is known and shown as one line.

A message names the file (or option) at fault and says the mend; all are `CgcError`, so that one handler shows them.
"""

from cgc_data.common.errors import CgcError


class AnnotationError(CgcError):
    """A benchmark's annotation file is missing, damaged, or not the version that was asked for."""


class SampleFileError(CgcError):
    """A file of saved responses cannot be read, or does not belong to the benchmark."""


class PrepareError(CgcError):
    """A benchmark's data cannot be prepared: a file is missing, damaged, or cannot be fetched."""


class TaskError(CgcError):
    """A task, variant, protocol or setting that does not exist."""


class ReportError(CgcError):
    """A run of lmms-eval cannot be reported or compared."""
