"""README and docs are correct: their commands, settings, defaults, files, links, and numbers agree with the code."""

import ast
import re
import runpy
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cgc_bench.cli import cli as bench_cli
from cgc_bench.mig.items import TASKS as MIG_TASKS
from cgc_data.cli import cli
from cgc_data.cli.executor import FLAGS
from cgc_data.cli.settings import resolve
from cgc_data.config import BuildConfig, Source, load_config
from cgc_data.tasks import TASKS
from cgc_data.tasks.mig_bench import FORMS
from cgc_data.vocabulary import COCO_NAMES
from cgc_train.cli import cli as train_cli
from cgc_train.recipe import LoraSettings, Recipe
from tests.extending import example_files

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS: dict[str, Any] = {"cgc-data": cli, "cgc-train": train_cli, "cgc-bench": bench_cli}
COMMANDS_WITH_SETTINGS = (("cgc-data", "build"), ("cgc-data", "plan"))
LARGEST_PICTURE = 150_000

document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def fences(path: Path, language: str) -> list[str]:
    return [code for kind, code in FENCE.findall(path.read_text(encoding="utf-8")) if kind == language]


def spans(path: Path) -> list[str]:
    """Code spans outside fences."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", path.read_text(encoding="utf-8")))


def command_lines() -> Iterator[tuple[str, str]]:
    """(document, line) of every command of ours in a bash fence."""
    for path in DOCUMENTS:
        for code in fences(path, "bash"):
            yield from ((path.name, line) for line in code.splitlines() if line.split(" ")[0] in PROGRAMS)


def command(program: str, name: str) -> click.Command:
    found = PROGRAMS[program].get_command(click.Context(PROGRAMS[program]), name)
    assert found is not None, f"no command {program} {name}"
    return found


def commands() -> Iterator[tuple[str, str]]:
    for program, group in PROGRAMS.items():
        yield from ((program, name) for name in group.list_commands(click.Context(group)))


def flags(found: click.Command) -> set[str]:
    return {flag for parameter in found.params for flag in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def defaults(section: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Dotted setting to its default."""
    found: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= defaults(field.annotation, f"{prefix}{name}.")
        else:
            default = field.get_default(call_default_factory=True)
            keyed = isinstance(default, dict) and default
            found |= {f"{prefix}{name}.{key}": default[key] for key in keyed} if keyed else {prefix + name: default}
    return found


SETTINGS = {key: value for key, value in defaults(BuildConfig).items() if key != "tasks"}
SETTINGS |= {f"tasks.{task}": share for task, share in BuildConfig().tasks.items()}
TRAINING = defaults(Recipe) | defaults(LoraSettings, "model.lora.")
# Of other programs that documents name.
LAUNCHER_FLAGS = {
    "--config_file",
    "--num_processes",
    "--include_path",
    "--tasks",
    "--model",
    "--force_simple",
    "--timezone",
    "--use_cache",
    "--cache_requests",
    "--model_args",
    "--gen_kwargs",
    "--output_path",
    "--log_samples",
}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@document
def test_make_targets_exist(path: Path) -> None:
    named = re.findall(r"\bmake ([a-z]+)\b", "\n".join([*fences(path, "bash"), *spans(path)]))
    assert set(named) <= make_targets()


def test_readme_tells_the_two_commands() -> None:
    assert fences(ROOT / "README.md", "bash")[0].split("\n")[:2] == ["make demo", "make test"]


def test_every_command_is_told_somewhere() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    for program, name in commands():
        assert f"{program} {name}" in text


@pytest.mark.parametrize(("name", "line"), list(command_lines()))
def test_command_lines_parse(name: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # where the examples' paths lead
    program, verb, *arguments = shlex.split(line.partition(" > ")[0])
    context = command(program, verb).make_context(verb, arguments)
    if (program, verb) in COMMANDS_WITH_SETTINGS:
        given = {key: value for key, value in context.params.items() if key not in _not_settings()}
        resolve(given.pop("settings"), given)


def _not_settings() -> set[str]:
    return {"out", "dry_run", "as_json", "push_to_hub", "tag", "private", *FLAGS}


@document
def test_flags_exist(path: Path) -> None:
    known = {flag for program, name in commands() for flag in flags(command(program, name))} | LAUNCHER_FLAGS
    for span in spans(path):
        words = span.split()
        ours = words and words[0] in PROGRAMS and len(words) > 1 and not words[1].startswith("-")
        allowed = flags(command(words[0], words[1])) if ours else known
        assert {word for word in words if word.startswith("--")} <= allowed, span


@document
def test_settings_exist(path: Path) -> None:
    for span in spans(path):
        key, equals, value = span.partition("=")
        if (
            equals
            and re.fullmatch(r"[a-z_./]+", key)
            and " " not in value
            and value != "value"
            and not value.startswith('"')
        ):
            assert key in SETTINGS or key in TRAINING or key.split(".")[0] in ("sft", "grpo"), span
            if key in SETTINGS:
                load_config(None, _nested(key, yaml.safe_load(value)))
        elif re.fullmatch(r"(inter|intra|limits|splits|tasks)\.[a-z_/]+", span):
            assert span in SETTINGS, span
        elif re.fullmatch(r"[a-z]+: \S.*", span):
            assert span.split(":")[0] in Source.model_fields, span


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def table(path: Path, head: str) -> list[list[str]]:
    """Rows of every table whose first column has this head."""
    rows, inside = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == head:
            inside = True
        elif inside and not line.startswith("|---"):
            rows.append(cells)
    return rows


def test_assumptions_list_every_setting_with_its_default() -> None:
    told = {cells[0].strip("`"): cells[1].strip("`") for cells in table(ROOT / "docs/assumptions.md", "setting")}
    assert told.keys() == SETTINGS.keys()
    assert {key: yaml.safe_load(value) for key, value in told.items()} == SETTINGS


def test_assumptions_list_every_training_setting_with_its_default() -> None:
    cells = table(ROOT / "docs/assumptions.md", "training setting")
    told = {row[0].strip("`"): yaml.safe_load(row[1].strip("`")) for row in cells}
    # what has no default is required; what the recipes pass on to TRL is tagged in them
    listed = {key: value for key, value in TRAINING.items() if value is not PydanticUndefined}
    assert told == {key: value for key, value in listed.items() if key not in ("sft", "grpo", "model.lora.targets")}


@pytest.mark.parametrize(
    ("name", "told"),
    [(c[0], c[1]) for c in table(ROOT / "docs/assumptions.md", "constant")]
    + [(c[2], c[1]) for c in table(ROOT / "docs/validate.md", "guard")],
)
def test_constants_are_what_is_told(name: str, told: str) -> None:
    module, _, constant = name.strip("`").rpartition(".")
    assert getattr(import_module(module), constant) == float(told.strip("`"))


def test_every_figure_has_a_tag() -> None:
    path = ROOT / "docs/assumptions.md"
    tags = {cells[0] for cells in table(path, "tag")}
    assert tags == {"stated", "second-hand", "derived", "ours"}
    assert {cells[2] for head in ("setting", "training setting", "constant") for cells in table(path, head)} <= tags
    items = re.findall(r"^- .*(?:\n  .*)*", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(re.search(rf"\(({'|'.join(tags)})\)$", item) for item in items)


@document
def test_numbers_in_prose_are_known(path: Path) -> None:
    """A number outside code and tables is a name, or a fact that the code bears out."""
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", "", FENCE.sub("", path.read_text(encoding="utf-8")))
    prose = "\n".join(line for line in text.splitlines() if not line.startswith(("|", "#")))
    assert len(COCO_NAMES) == 80
    assert 'requires-python = ">=3.10"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    names = (
        r"COCO 2017|val2017|2604\.22498|Python 3\.10|Apache-2\.0|Qwen3-VL|LVIS v1|WordNet 3\.0|sha256|from 0 to 1000"
    )
    facts = (
        r"80 (categories|exhaustive|names)|\b12-digit|12 digits|0 easy to 1 hard|numbered from 1|licenses 4, 5, 7 and 8"
    )
    status = r"status 2|Exit status 0: valid\. 1: breaches were found\. 2:|95 % interval|score 1\b"
    left = re.sub(f"{names}|{facts}|{status}", "", prose)
    assert not re.findall(r"(?<![\w.])\d[\d.,]*", left)


@document
def test_links_and_pictures_resolve(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target.split("#")[0]).exists(), target


@document
def test_files_named_exist(path: Path) -> None:
    for span in spans(path):
        if re.fullmatch(r"(cgc_\w+|scripts|examples|docs|tests|benchmarks|cards)/[\w/.]+", span):
            assert (ROOT / span).exists() or span in example_files(), span


@document
def test_modules_named_exist(path: Path) -> None:
    for span in spans(path):
        if found := re.fullmatch(r"(cgc_data(?:\.[a-z_]+)+?)(?:\.(with_thinking|[A-Z_]+))?", span):
            module = import_module(found[1])
            assert not found[2] or hasattr(module, found[2]), span


@document
def test_snippets_compile(path: Path) -> None:
    for code in fences(path, "python"):
        ast.parse(code)


@document
def test_imports_of_snippets_exist(path: Path) -> None:
    for code in fences(path, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom):
                assert node.module
                if f"{node.module.replace('.', '/')}.py" in example_files():
                    continue
                assert all(hasattr(import_module(node.module), alias.name) for alias in node.names)


@document
def test_nothing_unfinished_or_local(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text)
    assert not re.search(r"(?<![\w.:/])/(work|home|tmp|usr|root|mnt|Users)\b", text)


def test_every_picture_is_shown_drawn_and_small() -> None:
    pictures = {path.name for path in (ROOT / "docs/pictures").iterdir()}
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert pictures == set(re.findall(r"pictures/(\w+\.png)", text))
    scripts = [
        path.read_text(encoding="utf-8")
        for folder in ("scripts", "benchmarks")
        for path in (ROOT / folder).glob("*.py")
    ]
    of_tasks = {name for name in pictures if name.startswith("task_")}
    assert of_tasks == {f"task_{task.replace('/', '_')}.png" for task in TASKS}
    assert all(
        any(f'"{name.removesuffix(".png")}": ' in text or f'"{name}"' in text for text in scripts)
        for name in pictures - of_tasks
    )
    assert all((ROOT / "docs/pictures" / name).stat().st_size < LARGEST_PICTURE for name in pictures)


def tree() -> list[str]:
    """Paths of the file tree."""
    block = next(code for code in fences(ROOT / "docs/architecture.md", "text") if code.startswith("cgc_data/"))
    paths, parent = [], ""
    for line in block.splitlines():
        name, comment = line.split(maxsplit=1)
        assert comment
        parent = parent if line.startswith(" ") else name
        paths.append(parent + name if line.startswith(" ") else name)
    return paths


def test_file_tree_is_what_is_there() -> None:
    listed = tree()
    assert [name for name in listed if not (ROOT / name).exists()] == []
    for package in ("cgc_data", "cgc_train", "cgc_bench"):
        rooms = [
            room for room in (ROOT / package).iterdir() if not room.name.startswith("_") and room.name != "py.typed"
        ]
        assert {f"{package}/{room.name}{'/' * room.is_dir()}" for room in rooms} <= set(listed)


def test_the_forms_of_mig_bench_are_told_as_they_are_declared() -> None:
    told = {row[0].strip("`"): row[1:] for row in table(ROOT / "docs/contrasts.md", "form")}
    assert list(told) == [form.key for form in FORMS]
    assert sorted(told) == sorted(MIG_TASKS)
    for form in FORMS:
        items, asks, trained = told[form.key]
        assert (items, asks) == (f"{form.items:,}", form.asks)
        assert re.findall(r"`([a-z_/]+)`", trained) == [task for task in form.tasks if task in TASKS]
        assert ("form only" in trained) == (form.trained == "form only")
        assert trained.startswith("no") == (form.trained == "no") == (not form.tasks)


def test_quoted_errors_are_those_of_the_code() -> None:
    page = (ROOT / "docs/custom_data.md").read_text(encoding="utf-8")
    code = "".join((ROOT / f"cgc_data/plan/{name}.py").read_text(encoding="utf-8") for name in ("build", "hints"))
    for part in ("no eligible sample in", "the file boxes every instance of every category"):
        assert part in page
        assert part in code
    with pytest.raises(Exception, match="unknown setting 'sampels'; did you mean 'samples'"):
        load_config(None, {"sampels": 1})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    assert load_config(path, {}).sources


def test_row_table_lists_every_column() -> None:
    from cgc_data.release.schema import FEATURES, SPLITS
    from cgc_data.tasks import CONTRASTS

    assert [cells[0].strip("`") for cells in table(ROOT / "docs/release.md", "column")] == list(FEATURES)
    text = (ROOT / "docs/release.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*CONTRASTS, *SPLITS))


def test_formats_told_are_those_of_export() -> None:
    from cgc_data.export import Format

    assert set(get_args(Format)) == {"swift", "verl", "easyr1", "llamafactory"}


def test_notice_names_what_is_derived() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for name in ("WORDNET_NOTICE.txt", "names.csv", "coco_categories.csv", "lvis_categories.csv", "confusable.csv"):
        assert name in notice
    for name in re.findall(r"cgc_data/[\w/]+\.(?:txt|csv)", notice):
        assert (ROOT / name).is_file()


def test_example_scores_true_answers_as_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    from tests.tiny_release import write_tiny_release

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    release = write_tiny_release(tmp_path / "R")
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile((ROOT / "examples/score_answers.py").read_text(encoding="utf-8"), "score_answers.py", "exec"), names)
    assert names["main"](str(release)) == 1.0


def test_the_story_tells_right_from_wrong(tmp_path: Path) -> None:
    story = ROOT / "examples/story.py"
    assert len(story.read_text(encoding="utf-8").splitlines()) < 80
    figures = runpy.run_path(str(story))["main"](tmp_path)
    assert figures["perfect"] == 100
    assert figures["in_the_wrong_image"] < 50  # rows whose right answer is an empty list stay right
