"""Imports go one way: each room of a package takes only from the rooms below it, also inside functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the bottom up. A room is a folder or a module of a package; a new one takes its place here.
LAYERS = {
    "cgc_data": (
        *("common", "geometry", "masks", "images", "licenses", "vocabulary", "tasks", "answer", "matching"),
        *("sources", "config", "painter", "release", "metrics", "index", "plan", "look", "builder"),
        *("hub", "export", "download", "validate", "cli"),
    ),
    "cgc_train": (
        *("errors", "protocols", "families", "reward", "recipe", "engines", "model", "tiny", "traces", "data"),
        *(
            "sampling",
            "ablate",
            "generate",
            "predict",
            "picture",
            "run",
            "outcome",
            "console",
            "callbacks",
            "beside",
            "to_hub",
        ),
        *("beside", "to_hub", "vllm_start", "vllm_weights", "groups", "group_trainer", "trainer", "skill"),
        *("grpo", "sft", "difficulty", "check", "view", "publish", "plugins", "cli", "__main__"),
    ),
    "cgc_bench": (
        *("errors", "options", "prepare", "scoring", "mig", "vlm2", "contrast", "transfer", "refcoco"),
        *("report", "lmms", "cli"),
    ),
}
# Registries name their members as texts, so that the rooms of benchmarks stand above the room that lists them.
MAY_IMPORT = {"cgc_data": {"cgc_data"}, "cgc_train": {"cgc_data", "cgc_train"}, "cgc_bench": {"cgc_data", "cgc_bench"}}


def imported(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports of the three packages, as far as they are modules."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (_module(node.module, alias.name) for alias in node.names)


def _module(parent: str, name: str) -> str:
    place = ROOT.joinpath(*parent.split("."), name)
    return f"{parent}.{name}" if place.is_dir() or place.with_suffix(".py").is_file() else parent


def room(module: str) -> str:
    """Folder or module of its package that a module is in; "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


def module_of(path: Path) -> str:
    """Dotted name of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", LAYERS)
def test_every_room_has_its_place(package: str) -> None:
    rooms = {room(module_of(path)) for path in (ROOT / package).rglob("*.py")} - {""}
    assert rooms == set(LAYERS[package])


@pytest.mark.parametrize("package", LAYERS)
def test_no_room_imports_from_one_above(package: str) -> None:
    order = {name: place for place, name in enumerate(LAYERS[package])}
    upward = [
        f"{module_of(path)} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imported(path)
        if name.partition(".")[0] == package and room(module_of(path)) and room(name)
        if order[room(name)] > order[room(module_of(path))]
    ]
    assert upward == []


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_imports_only_from_those_below(package: str) -> None:
    found = {name.partition(".")[0] for path in (ROOT / package).rglob("*.py") for name in imported(path)}
    assert found & set(LAYERS) <= MAY_IMPORT[package]
