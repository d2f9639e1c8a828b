"""Metadata of a card are refused before an upload, with the field and what it must be."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cgc_data.common.errors import PushError
from cgc_data.hub import push
from cgc_data.hub.gate import published_contents
from cgc_data.hub.metadata import LICENSES, SIZES, check_metadata
from cgc_data.look.documents import published_documents
from cgc_data.look.metadata import SIZES as STATED
from cgc_data.release.read import open_release
from tests.hub_double import Hub
from tests.tiny_release import write_tiny_release

Data = dict[str, Any]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, set[str]]:
    """The card of a release, and the paths that are published with it."""
    release = open_release(write_tiny_release(tmp_path_factory.mktemp("release") / "tiny", rows=1))
    written = published_documents(release, "org/tiny", "v1.0.0")
    return written["README.md"], set(published_contents(release, written))


def changed(card: str, change: Callable[[Data], object]) -> str:
    _, front, text = card.split("---\n", 2)
    data = copy.deepcopy(yaml.safe_load(front))
    change(data)
    return f"---\n{yaml.safe_dump(data, sort_keys=False)}---\n{text}"


def test_a_card_as_written_passes(published: tuple[str, set[str]]) -> None:
    check_metadata(*published)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("license"), "lacks license: a license identifier from"),
        (lambda d: d.update(license="per-photo"), r"license: 'per-photo' is not a license identifier"),
        (lambda d: d.pop("license_link"), "lacks license_link: LICENSE, LICENSE.md, or a web address"),
        (lambda d: d.update(license_link="terms.txt"), "license_link: 'terms.txt' is not LICENSE"),
        (lambda d: d.update(license_link="LICENSE"), "license_link: LICENSE is not one of the published files"),
        (lambda d: d.update(license_name="Per photo"), "license_name: 'Per photo' is not lower-case"),
        (lambda d: d.update(pretty_name=" "), "pretty_name: ' ' is not one line of text"),
        (lambda d: d.update(language="en"), "language: 'en' is not a list"),
        (lambda d: d.update(language=["English"]), "is not a list of ISO 639 codes"),
        (lambda d: d["tags"].append("arxiv:first"), "tag a paper as arxiv:YYMM.NNNNN"),
        (lambda d: d.update(size_categories=["n>10M"]), "size_categories: .* is not a list of n<1K to n>1T"),
        (lambda d: d.update(task_categories=["Object Detection"]), "task_categories"),
        (lambda d: d["configs"][1].update(config_name="a/b"), "configs: 'a/b' is not the name"),
        (lambda d: d["configs"][1].update(config_name="default"), "configs: 'default' is not the name of one"),
        (lambda d: d["configs"][1].pop("data_files"), "configs: 'inter' lacks data_files"),
        (lambda d: d["configs"][1]["data_files"][0].update(split="my split"), "'my split' is not a split name"),
        (lambda d: d["configs"][1]["data_files"][0].update(path=["x/*"]), "no published file matches 'x/\\*'"),
        (lambda d: d["dataset_info"].pop(), "needs one entry for each configuration: default, inter, intra"),
        (lambda d: d["dataset_info"][0]["splits"].pop(), "configuration: train, validation, test"),
        (lambda d: d["dataset_info"][0]["splits"][0].update(num_examples=-1), "num_examples must be nonnegative"),
        (lambda d: d["dataset_info"][0].pop("features"), "default needs features"),
    ],
)
def test_a_fault_is_named(published: tuple[str, set[str]], change: Callable[[Data], object], message: str) -> None:
    card, paths = published
    with pytest.raises(PushError, match=message) as raised:
        check_metadata(changed(card, change), paths)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("card", ["no metadata", "---\n[1\n---\n", "---\n- a list\n---\n", ""])
def test_what_is_no_metadata_is_an_error_of_one_line(published: tuple[str, set[str]], card: str) -> None:
    with pytest.raises(PushError, match=r"^README\.md: (the )?metadata "):
        check_metadata(card, published[1])


def test_what_cards_state_is_known() -> None:
    assert {name for _, name in STATED} <= set(SIZES)
    assert {"other", "cc-by-4.0", "cc0-1.0"} <= LICENSES


def test_a_push_is_refused_before_anything_is_sent(hub: Hub, tmp_path: Path) -> None:
    release = write_tiny_release(tmp_path / "release", rows=1, name=" ")
    with pytest.raises(PushError, match=r"pretty_name: .* setting name="):
        push(release, "org/tiny", tag="v1.0.0")
    assert hub.count("") == 0
