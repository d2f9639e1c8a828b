"""Renders the templates in `cards/`, which contain the text of a release's documents."""

import importlib.resources
import re
from typing import Any

import jinja2
import yaml


def render(name: str, **values: Any) -> str:
    """Render a template from the installed `cards/` folder with the given values."""
    return _environment().get_template(name).render(**values)


def _environment() -> jinja2.Environment:
    """The Jinja environment of the installed templates. An undefined name is an error, not an empty string."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: text from the sources goes through `md` instead
    )
    environment.filters |= {"md": _plain, "bib": _bibtex}
    return environment


def _template(name: str) -> str:
    return importlib.resources.files("cgc_cards").joinpath(name).read_text(encoding="utf-8")


def _plain(text: str) -> str:
    """The text, escaped so that Markdown shows it verbatim, including in tables."""
    return re.sub(r"[|<>&\[\]*`\\]", lambda sign: f"&#{ord(sign[0])};", " ".join(str(text).split()))


def _bibtex(text: str) -> str:
    """The text of a BibTeX field, on one line. Spaces replace characters that are special in TeX."""
    return " ".join(re.sub(r"[\\{}$&%#_^~`]", " ", str(text)).split())


def as_yaml(value: object) -> str:
    """YAML text that cannot end the Markdown code block around it."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).replace("```", "---")
