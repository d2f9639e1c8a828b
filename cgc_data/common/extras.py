"""Optional packages. If a package is missing, the program prints a one-line error instead of a traceback."""

from importlib.util import find_spec

from cgc_data.common.errors import MissingExtraError

PACKAGES = {"train": ("torch", "torchvision", "transformers", "trl", "accelerate", "peft")}


def need(extra: str) -> None:
    """Raise MissingExtraError if a package of `extra`, a key of PACKAGES, is not installed."""
    missing = [package for package in PACKAGES[extra] if find_spec(package) is None]
    if missing:
        raise MissingExtraError(f"{', '.join(missing)} not installed; {installing(extra)}")


def installing(extra: str) -> str:
    """Instructions for installing an extra of this project. The project is not on a package index, so the extra is
    installed from a clone of the repository.
    """
    return f"in a clone of the repository, run: pip install '.[{extra}]'"


def need_package(package: str, why: str) -> None:
    """Raise MissingExtraError if a package is not installed. `why` names the feature that needs the package."""
    if find_spec(package) is None:
        raise MissingExtraError(f"{why} needs {package}, which is not installed; run: pip install {package}")
