"""Turn COCO and LVIS annotations into contrast datasets: sources -> index -> plan -> render -> release.

Most users need only `load_reference` and `open_release`. The training and benchmark packages also use
`cgc_data.answer`, `cgc_data.geometry`, and `cgc_data.matching`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgc_data.release.read import Release, open_release
    from cgc_data.release.reference import load_reference

__all__ = ["Release", "load_reference", "open_release"]


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `cgc_data.answer` and `cgc_data.geometry` load without Arrow and OpenCV,
    which are slow to import.
    """
    if name == "load_reference":
        from cgc_data.release.reference import load_reference

        return load_reference
    if name in ("Release", "open_release"):
        from cgc_data.release import read

        return getattr(read, name)
    raise AttributeError(f"module 'cgc_data' has no attribute {name!r}")
