"""Errors a user can mend. Each is raised where the fault is known and shown by the CLI as one line.

A message names the file (or option) at fault and says the mend. Anything else that escapes is a defect of ours.
"""


class CgcError(Exception):
    """Base of every expected error; the CLI prints it without traceback and exits with status 2."""


class SourceError(CgcError):
    """An annotation file is missing, cut short, or not of the COCO or LVIS schema."""


class PhotoError(CgcError):
    """A photo is missing, truncated, or of another size than its annotation says."""


class SegmentationError(CgcError):
    """A segmentation cannot be read as polygons or run lengths; `kind` is the fault without what is particular."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(detail or kind)
        self.kind = kind


class ConfigError(CgcError):
    """A configuration key, value or combination is not valid."""


class VocabularyError(CgcError):
    """A category name is unknown, or two categories would be shown under one name."""


class PlanError(CgcError):
    """No eligible sample for a task that was asked for."""


class BuildError(CgcError):
    """The output folder belongs to another build, is full, or too many samples were rejected."""


class ReleaseError(CgcError):
    """A folder is not a finished release, or is of another schema version."""


class LicenseError(CgcError):
    """Photos may not be published in the way that was asked for."""


class PushError(CgcError):
    """A push to the Hub was refused or did not finish."""


class DownloadError(CgcError):
    """A download did not finish or its content is not what was announced."""


class ExportError(CgcError):
    """A release cannot be written in the format that was asked for."""


class MissingExtraError(CgcError):
    """A package of an optional extra is not installed."""
