"""Errors that a user can fix. Each error is raised where its cause is known, and the CLI prints it as one line.

A message names the file or option at fault and states the fix. Any other exception that reaches the user is a bug.
"""


class CgcError(Exception):
    """Base class of all expected errors. For these errors, the CLI prints the message without a traceback and exits
    with status 2.
    """


class SourceError(CgcError):
    """An annotation file is missing or truncated, or does not match the COCO or LVIS schema."""


class PhotoError(CgcError):
    """A photo is missing or truncated, or its size differs from the annotated size."""


class SegmentationError(CgcError):
    """A segmentation cannot be read as polygons or run lengths. `kind` names the type of fault, without details of the
    object, so that faults can be grouped.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(detail or kind)
        self.kind = kind


class ConfigError(CgcError):
    """A key, a value, or a combination of values in the configuration is not valid."""


class VocabularyError(CgcError):
    """A category name is unknown, or two categories would be shown under the same name."""


class PlanError(CgcError):
    """A requested task has no eligible sample, or a question cannot be written."""


class BuildError(CgcError):
    """The output folder belongs to another build, its disk is full, or too many samples were rejected."""


class WorkerError(CgcError):
    """A worker process or a cluster machine was lost permanently, or a cluster cannot be used."""


class ReleaseError(CgcError):
    """A folder is not a finished release, or the release has another schema version."""


class LicenseError(CgcError):
    """The license of an embedded photo does not allow you to publish the photo."""


class PushError(CgcError):
    """A push to the Hub was refused or did not finish."""


class DownloadError(CgcError):
    """A download did not finish, or its content is not what the server announced."""


class RemoteError(CgcError):
    """A file in an object store or on the Hub is missing, access to it is denied, or the storage cannot be reached."""


class MissingRemoteError(RemoteError):
    """A file in an object store or on the Hub does not exist."""


class ExportError(CgcError):
    """A release cannot be written in the requested format."""


class MissingExtraError(CgcError):
    """A package of an optional extra is not installed."""
