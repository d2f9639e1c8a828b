"""Checks a card's metadata before an upload, because the Hub itself rejects a bad card only after all files are
uploaded.

The checks cover the requirements of the Hub's dataset card specification and of `datasets`. They also compare the
metadata with the published files. The Hub runs its own checks, and may still reject a card that passes these checks.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

import yaml
from huggingface_hub import DatasetCard

from cgc_data.common.errors import PushError

Check = Callable[[Any], bool]

# The identifiers that the Hub accepts as `license`.
_LICENSES = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 grok2-community gemma unknown
    other
"""
LICENSES = frozenset(_LICENSES.split())
SIZES = (
    *("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B"),
    *("10B<n<100B", "100B<n<1T", "n>1T"),
)


def _matches(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _each(check: Check) -> Check:
    return lambda value: isinstance(value, list) and bool(value) and all(map(check, value))


# Condition and description of each field. Missing fields are checked only if `REQUIRED` lists them.
FIELDS: dict[str, tuple[Check, str]] = {
    "license": (
        lambda value: value in LICENSES,
        "a license identifier from hf.co/docs/hub/repositories-licenses, or other",
    ),
    "license_name": (_matches(r"[a-z0-9][a-z0-9.-]*"), "lower-case letters, digits, dots, and hyphens"),
    "license_link": (_matches(r"LICENSE(\.md)?|https?://\S+"), "LICENSE, LICENSE.md, or a web address"),
    "pretty_name": (_matches(r".*\S.*"), "one line of text; it is taken from the setting name=..."),
    "language": (_each(_matches(r"[a-z]{2,3}|code|multilingual")), "a list of ISO 639 codes, such as en"),
    "annotations_creators": (_each(_matches(r"[a-z-]+")), "a list of lowercase words, such as machine-generated"),
    "task_categories": (_each(_matches(r"[a-z0-9-]+")), "a list of the Hub's task identifiers"),
    "tags": (
        _each(_matches(r"(?!arxiv:)\S.*|arxiv:\d{4}\.\d{4,5}")),
        ("a list of tags; tag a paper as arxiv:YYMM.NNNNN"),
    ),
    "size_categories": (_each(lambda value: value in SIZES), f"a list of {SIZES[0]} to {SIZES[-1]}"),
    "configs": (_each(lambda value: isinstance(value, dict)), "a list of configurations"),
    "dataset_info": (_each(lambda value: isinstance(value, dict)), "a list with one entry per configuration"),
}
REQUIRED = ("license", "pretty_name", "language", "size_categories", "configs", "dataset_info")
REQUIRED_OF_OTHER = ("license_name", "license_link")
CONFIG_NAME, SPLIT_NAME = _matches(r'[^<>:/\\|?*"\s]+'), _matches(r"\w+(\.\w+)*")


def check_metadata(card: str, published: Collection[str]) -> None:
    """Check the metadata of a card. `published` lists the paths of all files that are published with the card.

    Raises PushError, which names the first invalid field and describes its valid values.
    """
    data = _read(card)
    if fault := next(_faults(data, published), None):
        raise PushError(f"README.md: metadata {fault}")


def _read(card: str) -> Mapping[str, Any]:
    try:
        data = DatasetCard(card, ignore_metadata_errors=False).data
        return dict(data.to_dict())  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise PushError(f"README.md: the metadata between the --- lines must be a YAML mapping ({reason})") from None


def _faults(data: Mapping[str, Any], published: Collection[str]) -> Iterator[str]:
    required = (*REQUIRED, *(REQUIRED_OF_OTHER if data.get("license") == "other" else ()))
    for name in required:
        if data.get(name) is None:
            yield f"lacks {name}: {FIELDS[name][1]}"
    for name, (check, wanted) in FIELDS.items():
        if data.get(name) is not None and not check(data[name]):
            yield f"{name}: {str(data[name])[:80]!r} is not {wanted}"
    link = data.get("license_link", "")
    if link in ("LICENSE", "LICENSE.md") and link not in published:
        yield f"license_link: {link} is not one of the published files"
    yield from _config_faults(data["configs"], published)
    yield from _info_faults(data["dataset_info"], {c["config_name"]: c for c in data["configs"]})


def _config_faults(configs: list[dict[str, Any]], published: Collection[str]) -> Iterator[str]:
    names = [config.get("config_name") for config in configs]
    for name, config in zip(names, configs, strict=True):
        where = f"configs: {name!r}"
        if not CONFIG_NAME(name) or names.count(name) > 1:
            yield f"{where} is not the name of one configuration; use a unique name without spaces and path characters"
        files = config.get("data_files") or []
        if not files:
            yield f"{where} lacks data_files: a list of splits and their paths"
        for entry in files:
            if not SPLIT_NAME(entry.get("split")):
                yield f"{where}: {entry.get('split')!r} is not a split name; use letters, digits, underscores, and dots"
            for pattern in entry.get("path") or [""]:
                if not any(fnmatch(path, pattern) for path in published):
                    yield f"{where}: no published file matches {pattern!r}"


def _info_faults(infos: list[dict[str, Any]], configs: Mapping[str, Any]) -> Iterator[str]:
    if [info.get("config_name") for info in infos] != list(configs):
        yield f"dataset_info: needs one entry for each configuration: {', '.join(configs)}"
    for info in infos:
        where = f"dataset_info: {info['config_name']}"
        features, splits = info.get("features") or [], info.get("splits") or []
        names = [feature.get("name") for feature in features]
        if not names or not all(names) or len(set(names)) < len(names):
            yield f"{where} needs features with distinct names"
        listed = [entry["split"] for entry in configs[info["config_name"]]["data_files"]]
        if [split.get("name") for split in splits] != listed:
            yield f"{where} needs the same splits as its configuration: {', '.join(listed)}"
        counts = [value for split in splits for key, value in split.items() if key != "name"]
        if not all(isinstance(value, int) and value >= 0 for value in counts):
            yield f"{where}: num_bytes and num_examples must be nonnegative integers"
