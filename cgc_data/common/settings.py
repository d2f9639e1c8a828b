"""Settings of the three packages: a YAML file, `key=value` overrides, and errors that suggest the most similar key.

Sections are pydantic models that reject unknown keys. The settings themselves are defined in other modules.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cgc_data.common.errors import CgcError, ConfigError
from cgc_data.common.text import read_text
from cgc_data.common.yaml_text import load_yaml

Values: TypeAlias = dict[str, Any]  # nested settings, as in YAML or in key=value pairs
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A frozen group of settings that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Settings = TypeVar("Settings", bound=Section)


def read_settings(model: type[Settings], values: Values, origin: str, error: type[CgcError] = ConfigError) -> Settings:
    """Validate nested values. If they are invalid, raises `error` with a message that names `origin`, the source of the
    values.
    """
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        raise error(f"{origin}: {_explain(model, fault)}") from None


def stated(key: str, value: str) -> str:
    """Part of an error message: how to set `key` to `value` for a source, with a flag of `cgc-data build` or in a YAML
    file.
    """
    return f"`--{key.replace('_', '-')} {value}` (in YAML: `{key}: {value}` for the source)"


def parse_override(text: str, error: type[CgcError] = ConfigError) -> Values:
    """Parse `a.b=value` into nested dictionaries. The value is parsed as YAML. Raises `error` if the text has another
    form or the value is not valid YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise error(f"{text!r}: write a setting as key=value")
    try:
        nested: Any = load_yaml(value)
    except ValueError:
        raise error(f"{text!r}: the value is not valid YAML") from None
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return dict(nested)


def read_yaml(path: Path, error: type[CgcError] = ConfigError) -> Values:
    """The nested values of a YAML file; `{}` if the file contains only comments. Raises `error` if the file cannot be
    read or contains no `key: value` lines at the top level.
    """
    try:
        values = load_yaml(read_text(path, error))
    except FileNotFoundError:
        raise error(f"{path}: no such configuration file") from None
    except (OSError, ValueError) as fault:
        raise error(f"{path}: not a readable YAML file ({fault}); correct it") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise error(f"{path}: expected `key: value` lines at the top level")
    return values


def merge(base: Values, over: Values) -> Values:
    """Merge nested dictionaries; values of `over` take precedence."""
    merged = dict(base)
    for key, value in over.items():
        known = merged.get(key)
        merged[key] = merge(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def merge_all(parts: list[Values]) -> Values:
    """Merge nested dictionaries from left to right; later values take precedence."""
    merged: Values = {}
    for part in parts:
        merged = merge(merged, part)
    return merged


def nearest(key: str, known: Any) -> str:
    """The hint `; did you mean 'x'?`, where x is the known key that is most similar to `key`. Returns an empty string
    if no known key is similar.
    """
    close = difflib.get_close_matches(key.rpartition(".")[2], list(known), n=1, cutoff=0.5)
    prefix = "".join(key.rpartition(".")[:2])
    return f"; did you mean {prefix + close[0]!r}?" if close else ""


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    # if a required key is missing, a misspelled key is the cause
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown setting {where!r}{nearest(where, _section(model, first['loc'][:-1]).model_fields)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _section(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The settings model at a location in the configuration. `location` contains field names and list positions."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner(model.model_fields[part].annotation) or model
    return model


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)
