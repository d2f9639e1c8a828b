"""The annotation formats, each declared in a separate module. To add a format, declare it in a module, and add the name
of the module to `_REGISTERED`.

All other code, such as the configuration, the readers, and the dataset card, reads the formats from `FORMATS`.
Validation has a separate reader for each format, in a module of the same name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Literal, TypeAlias

from cgc_data.sources.formats.format import Format
from cgc_data.sources.formats.protocol import AnnotationProtocol, Declared, Exhaustive, Federated, Flags

__all__ = ["FORMATS", "AnnotationProtocol", "Declared", "Exhaustive", "Federated", "Flags", "Format", "Kind"]

# Each format is declared in the module with its name, as a constant in capitals. Users see the formats in this order.
_REGISTERED = ("coco", "lvis")


def _declared(name: str) -> Format:
    found: Format = getattr(import_module(f"{__name__}.{name}"), name.upper())
    return found


FORMATS: dict[str, Format] = {name: _declared(name) for name in _REGISTERED}

if TYPE_CHECKING:
    Kind: TypeAlias = str
else:  # so that settings reject other names and list the valid ones
    Kind = Literal[_REGISTERED]
