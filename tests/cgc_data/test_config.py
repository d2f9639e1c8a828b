"""Settings from a file, flags and key=value pairs: merged, bounded, and corrected if misspelled."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cgc_data.cli.settings import resolve
from cgc_data.common.errors import ConfigError
from cgc_data.common.settings import merge_all, parse_override
from cgc_data.config import BuildConfig, load_config, parse_config
from cgc_data.tasks import PLANNED, PRESETS

NO_FLAGS: dict[str, Any] = {"exhaustive": False, "coco": (), "lvis": (), "samples": None, "exclude": ()}


def test_the_defaults_are_valid_and_go_through_yaml() -> None:
    config = BuildConfig()
    assert parse_config(yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json"))), "yaml") == config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("samples=5", {"samples": 5}),
        ("inter.hard=0.5", {"inter": {"hard": 0.5}}),
        ("categories=[dog, cat]", {"categories": ["dog", "cat"]}),
        ("intra.view_sizes=[384]", {"intra": {"view_sizes": [384]}}),
        ("name=a=b", {"name": "a=b"}),
        ("tasks.inter/locate=0.5", {"tasks": {"inter/locate": 0.5}}),
        ("splits.salt=", {"splits": {"salt": None}}),
    ],
)
def test_an_override_is_a_dotted_key_and_a_yaml_value(text: str, expected: dict[str, Any]) -> None:
    assert parse_override(text) == expected


@pytest.mark.parametrize("text", ["samples", "=5", "categories=[dog"])
def test_an_override_that_is_none_says_how_it_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match=r"key=value|not valid YAML"):
        parse_override(text)


def test_merging_keeps_what_is_not_overridden() -> None:
    merged = merge_all([{"inter": {"hard": 0.1, "max_images": 4}}, {"inter": {"hard": 0.2}}, {"samples": 3}])
    assert merged == {"inter": {"hard": 0.2, "max_images": 4}, "samples": 3}


def test_flags_win_over_pairs_and_pairs_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("samples: 1\nseed: 1\nname: file\ninter: {hard: 0.9, max_images: 4}\n")
    config = resolve((str(file), "seed=2", "samples=2", "inter.hard=0.2"), {**NO_FLAGS, "samples": 3})
    assert (config.samples, config.seed, config.name) == (3, 2, "file")
    assert (config.inter.hard, config.inter.max_images) == (0.2, 4)


def test_sources_of_the_command_line(tmp_path: Path) -> None:
    flags = {**NO_FLAGS, "exhaustive": True, "coco": ("a.json:x", "C:/b.json:y.zip"), "lvis": ("l.json:z",)}
    sources = resolve((), flags).sources
    assert [(s.kind, s.annotations, s.images, s.exhaustive) for s in sources] == [
        ("coco", "a.json", "x", True),
        ("coco", "C:/b.json", "y.zip", True),
        ("lvis", "l.json", "z", None),
    ]


@pytest.mark.parametrize("text", ["a.json", "a.json:", ":images"])
def test_a_source_without_its_two_parts_says_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--coco .*expected ANN\.json:IMAGES"):
        resolve((), {**NO_FLAGS, "coco": (text,)})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sample": 5}, "unknown setting 'sample'; did you mean 'samples'?"),
        ({"inter": {"hrad": 0.5}}, "unknown setting 'inter.hrad'; did you mean 'inter.hard'?"),
        ({"limits": {"minside": 3}}, "did you mean 'limits.min_side'?"),
        ({"sources": [{"kind": "coco", "annotation": "a", "images": "b"}]}, "did you mean 'sources.0.annotations'?"),
        ({"qqqq": 5}, "unknown setting 'qqqq'"),
        ({"samples": 0}, "samples: "),
        ({"samples": "many"}, "samples: "),
        ({"tasks": {"inter/locate": -1}}, "tasks.inter/locate: "),
        ({"tasks": {"inter/locat": 1}}, "no task 'inter/locat'; write inter/locate"),
        ({"tasks": {"locate_all": 1}}, "no task 'locate_all'; write inter/locate_all or intra/locate_all"),
        ({"tasks": {"inter/absent": 1}}, "no task 'inter/absent'; "),
        ({"absent": 0.5}, "absent: "),
        ({"inter": {"min_images": 5, "max_images": 3}}, "min_images is larger than max_images"),
        ({"inter": {"max_images": 7}}, "inter.max_images: "),
        ({"intra": {"min_cover": 0.6}}, "min_cover is larger than max_cover"),
        ({"intra": {"min_cover": 0}}, "intra.min_cover: "),
        ({"intra": {"min_views": 5, "max_views": 3}}, "min_views is larger than max_views"),
        ({"intra": {"view_sizes": []}}, "intra.view_sizes: "),
        ({"licenses": "free"}, "licenses: "),
        ({"limits": {"max_aspect": 0.5}}, "limits.max_aspect: "),
        ({"tasks": dict.fromkeys(PLANNED, 0)}, "set at least one share above 0, such as tasks.inter/locate=1"),
        (
            {"sources": [{"kind": "coco", "annotations": "a", "images": "b"}] * 2},
            "the same annotation file is listed twice; remove one entry",
        ),
    ],
    ids=str,
)
def test_a_bad_setting_is_named_on_one_line_with_the_mend(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(values, "config.yaml")
    assert str(raised.value).startswith("config.yaml: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_shares_are_relative_to_their_sum_and_tasks_not_named_keep_theirs() -> None:
    assert parse_config({}, "x").shares == pytest.approx(PRESETS["full"])
    assert parse_config({"preset": "paper"}, "x").shares == pytest.approx(PRESETS["paper"])
    config = parse_config({"preset": "paper", "tasks": {"intra/same_object": 0, "intra/locate_all": 1.5}}, "x")
    assert {task: share for task, share in config.shares.items() if PRESETS["paper"][task]} == {
        "inter/locate": pytest.approx(0.15),
        "inter/locate_all": pytest.approx(0.1),
        "intra/same_object": 0,
        "intra/locate_all": pytest.approx(0.75),
    }
    assert config.tasks["inter/locate"] == PRESETS["paper"]["inter/locate"]


def test_the_preset_paper_has_the_papers_tasks_alone() -> None:
    asked = {task for task, share in parse_config({"preset": "paper"}, "x").shares.items() if share}
    assert asked == {"inter/locate", "inter/locate_all", "intra/same_object", "intra/locate_all"}
    with pytest.raises(ConfigError, match="preset: "):
        parse_config({"preset": "most"}, "x")


@pytest.mark.parametrize(
    "values", [{}, {"preset": "paper"}, {"tasks": {"inter/locate": 3}}, {"tasks": dict.fromkeys(PLANNED, 1)}], ids=str
)
def test_a_build_may_lack_only_tasks_that_neither_the_paper_has_nor_the_user_named(values: dict[str, Any]) -> None:
    config = parse_config(values, "x")
    named = set(values.get("tasks", ()))
    required = {task for task in PLANNED if PRESETS["paper"][task] or task in named}
    assert {task for task in PLANNED if config.requires(task)} == required
    assert parse_config(config.model_dump(), "manifest") == config


@pytest.mark.parametrize(
    ("values", "named", "shares"),
    [
        ({"inter_share": 1}, "inter_share", (0.6, 0.4, 0, 0)),
        ({"inter_share": 0.8, "intra": {"locate_all": 0}}, "inter_share and intra.locate_all", (0.48, 0.32, 0.2, 0)),
        ({"intra": {"same_object": 0, "max_views": 3}}, "intra.same_object", (0.3, 0.2, 0, 0.5)),
        ({"inter": {"locate": 3, "locate_all": 1}}, "inter.locate and inter.locate_all", (0.375, 0.125, 0.25, 0.25)),
        ({"inter_share": "half", "inter": None}, "inter_share", (0.3, 0.2, 0.25, 0.25)),
    ],
    ids=str,
)
def test_a_former_key_is_refused_with_what_to_write(
    values: dict[str, Any], named: str, shares: tuple[float, ...]
) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_config(values, "config.yaml")
    said, _, written = str(raised.value).partition("; write ")
    assert said == f"config.yaml: {named} became shares of tasks"
    paper = [task for task, share in PRESETS["paper"].items() if share]
    settings = yaml.safe_load(written)
    assert settings == {"preset": "paper", "tasks": dict(zip(paper, shares, strict=True))}
    asked = {task: share for task, share in parse_config(settings, "x").shares.items() if share}
    assert asked == pytest.approx({task: share for task, share in settings["tasks"].items() if share})


@pytest.mark.parametrize("content", [None, "samples: [1", "- a\n- b\n", b"\xff\xfe\x00"], ids=str)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: str | bytes | None) -> None:
    file = tmp_path / "config.yaml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as raised:
        load_config(file, {})
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


def test_a_fault_is_put_down_to_where_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("samples: 5\n")
    with pytest.raises(ConfigError, match=r"^command line: unknown setting 'seeds'; did you mean 'seed'\?"):
        load_config(file, {"seeds": 1})
    file.write_text("seeds: 5\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: unknown setting 'seeds'"):
        load_config(file, {"samples": 1})


def test_two_configuration_files_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"b\.yaml: only one configuration file is allowed"):
        resolve(("a.yaml", "b.yaml"), dict(NO_FLAGS))


def test_former_spellings_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("licences: permissive\nconfusable: labelled\n", encoding="utf-8")
    config = load_config(file, {})
    assert (config.licenses, config.confusable) == ("permissive", "labeled")
    assert load_config(file, {"licenses": "all"}).licenses == "all"
    assert load_config(None, {"licences": "noncommercial"}).licenses == "noncommercial"


def test_a_setting_in_both_spellings_is_refused() -> None:
    with pytest.raises(ConfigError, match="licences is the former name of licenses; give licenses alone"):
        load_config(None, {"licences": "all", "licenses": "permissive"})
