"""The table of tasks: whole, light, and the one place where tasks and contrasts are called by their names."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgc_data.answer.wording import POOLS, template_count
from cgc_data.common.errors import ReleaseError
from cgc_data.plan.planner import load_planner
from cgc_data.tasks import (
    _REGISTERED,
    CONTRASTS,
    PRESETS,
    TASKS,
    Preset,
    Task,
    answer_of_pool,
    check_ids,
    pools_of,
    task_of,
)
from cgc_data.validate.tasks import check_of, task_checks

ROOT = Path(__file__).parents[2]
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def test_a_task_is_registered_under_its_id() -> None:
    assert tuple(TASKS) == _REGISTERED


@every_task
def test_a_task_has_a_check_of_its_own(task: Task) -> None:
    assert callable(check_of(task))
    assert all(task_checks().values())


@every_task
def test_a_task_is_planned_or_the_empty_twin_of_one_that_is(task: Task) -> None:
    twins = [other for other in TASKS.values() if other.empty is task]
    assert bool(task.planner) == (task.answer != "empty") == (not twins)
    assert all(twin.contrast is task.contrast for twin in twins)
    assert not task.planner or callable(load_planner(task.planner).family)


@every_task
def test_a_task_has_phrasings(task: Task) -> None:
    assert pools_of(task)
    assert all(template_count(pool) >= 8 for pool in pools_of(task))
    assert set(pools_of(task)) <= set(POOLS)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_shares_of_a_preset_add_up_to_one(preset: Preset) -> None:
    assert sum(PRESETS[preset].values()) == pytest.approx(1)
    assert all(TASKS[task].planner for task in PRESETS[preset])


def test_tasks_are_light_to_import() -> None:
    code = "import sys, cgc_data.tasks; print(*sorted({'numpy', 'pyarrow', 'pydantic', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_a_row_of_an_unknown_task_is_refused_with_the_fix() -> None:
    with pytest.raises(
        ReleaseError, match=r"there is no task 'inter/count' in this version .*install the version that built"
    ):
        task_of({"contrast": "inter", "task": "count"})


def test_phrasings_that_are_unknown_are_refused_with_the_fix() -> None:
    assert {answer_of_pool(pool) for task in TASKS.values() for pool in pools_of(task)} == {"one", "set"}
    with pytest.raises(
        ReleaseError, match=r"there are no phrasings '../x' in this version .*install the version that built"
    ):
        answer_of_pool("../x")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("locate", "write inter/locate"),
        ("locate_all", "write inter/locate_all or intra/locate_all"),
        ("inter/lokate", "write inter/locate"),
        ("zebra", "there are inter/locate or "),
    ],
)
def test_a_name_that_is_no_task_is_refused_with_what_to_write(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"no task '{name}'; {said}"):
        check_ids(["inter/absent", name])


# Presence of a category in a photo has its states, and MIG-Bench has tasks; one of each has the name of a task.
OTHER_WORDS = {"absent", "region"}
HOMES = ("cgc_data/tasks/", "cgc_data/validate/tasks/")
NAMES = ({task.name for task in TASKS.values()} | set(CONTRASTS)) - OTHER_WORDS
SPELLED = re.compile(rf"({'|'.join(NAMES)})(/.*)?|.*\b({'|'.join(TASKS)})\b.*", re.DOTALL)


def modules() -> list[Path]:
    found = [path for package in ("cgc_data", "cgc_train", "cgc_bench") for path in (ROOT / package).rglob("*.py")]
    return sorted(path for path in found if not path.relative_to(ROOT).as_posix().startswith(HOMES))


def spelled(source: str) -> Iterator[str]:
    """Strings outside docstrings that are the name of a task or a contrast, and literals that one is compared with."""
    tree = ast.parse(source)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            if SPELLED.fullmatch(node.value):
                yield f"line {node.lineno}: {node.value!r}"
        elif isinstance(node, ast.Compare):
            yield from _compared(node)


def _compared(node: ast.Compare) -> Iterator[str]:
    sides = [node.left, *node.comparators]
    names = [re.search(r"(\btask|\bcontrast)(\.name|\.id|['\"]\])?$", ast.unparse(side)) for side in sides]
    literals = [c for side in sides for c in ast.walk(side) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
    told = [c.value for c in literals if c.value not in ("task", "contrast")]
    if any(names) and any(value in OTHER_WORDS | NAMES | set(TASKS) for value in told):
        yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_knows_a_task_or_a_contrast_by_name(path: Path) -> None:
    assert list(spelled(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'if row["task"] == "absent": pass',
        'found = row["task"] in ("locate", "absent")',
        'x = task == "absent"',
        'COLORS = {"inter": 1}',
        'x = name.startswith("locate_all/")',
        'x = f"{a} intra/same_object {b}"',
        'def f(contrast="intra"): pass',
        'settings["tasks.inter/locate"]',
    ],
)
def test_a_name_in_another_module_is_found(source: str) -> None:
    assert list(spelled(source))


@pytest.mark.parametrize(
    "source",
    ['x = state == "absent"', 'CHECKS = {"absent": "a locate question"}', '"""inter/locate"""', 'row["task"] == name'],
)
def test_other_words_are_not_taken_for_names(source: str) -> None:
    assert not list(spelled(source))
