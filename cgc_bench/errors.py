"""Errors that users of the benchmark commands can fix. Each error is raised where the fault is detected, and printed on
one line.

A message names the file or option at fault, and states the fix. All of these errors are subclasses of `CgcError`, so
one handler prints them.
"""

from cgc_data.common.errors import CgcError


class AnnotationError(CgcError):
    """A benchmark's annotation file is missing, damaged, or not the requested version."""


class SampleFileError(CgcError):
    """A file of saved responses cannot be read, or does not belong to the benchmark."""


class PrepareError(CgcError):
    """A benchmark's data cannot be prepared: a file is missing or damaged, or cannot be fetched."""


class TaskError(CgcError):
    """A task, variant, protocol, or setting that does not exist."""


class ReportError(CgcError):
    """A report or comparison cannot be made from the runs or saved responses, or cannot be written."""
