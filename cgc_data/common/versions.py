"""Versions of the libraries that influence the bytes of a release."""

from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("cgc-grounding", "numpy", "opencv-python", "pillow", "pyarrow", "pycocotools", "scipy", "imagehash")


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries that influence the bytes of a release."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
