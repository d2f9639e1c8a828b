"""Reads annotation files with the reference readers of their formats.

Each format has a module with a function `read`. The name of the module is the name of the format in a manifest. No code
is shared with the builder.
"""

import contextlib
import io
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from cgc_data.common.errors import ReleaseError
from cgc_data.validate.protocols import Declared, RawFile
from cgc_data.validate.tidy import tidy


class Reader(Protocol):
    """Reads an annotation file. `declared` states which categories the user declared exhaustive.

    Raises the errors that the reference reader raises.
    """

    def __call__(self, path: Path, declared: Declared) -> RawFile: ...


def read_raw(kind: str, path: Path, declared: Declared) -> RawFile:
    """Read an annotation file in the format `kind`. Raises ReleaseError if the file does not have this format."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints while loading
            return _reader(kind)(path, declared)
    except (OSError, ValueError, KeyError, AssertionError, TypeError, AttributeError, RecursionError) as error:
        raise ReleaseError(
            f"{path}: the {kind} reader cannot read it ({error}); name the file it was built from"
        ) from None


def decoded(path: Path) -> Any:
    """The JSON content of a UTF-8 file, normalized by `tidy`. The file may begin with a byte order mark."""
    return tidy(json.loads(path.read_text(encoding="utf-8-sig")))


def _reader(kind: str) -> Reader:
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if kind not in known:
        raise ValueError(f"supported formats: {', '.join(known)}")
    found: Reader = import_module(f"{__name__}.{kind}").read
    return found
