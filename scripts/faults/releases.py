"""Runs all commands that open a release, in all three packages, on hostile releases. Tests that they never write to
files outside their output.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from scripts.faults.commands import OUTPUT
from scripts.faults.lab import Lab, Through, require
from tests.hostile import EDITS, LINKS, edited, linked, snapshot, with_texts, world


@dataclass(frozen=True)
class Hostile:
    """A hostile release, and answers to its rows. If `refused` is set, every command must refuse the release."""

    release: str
    answers: str
    refused: bool


def hostile_releases(lab: Lab) -> None:
    """Check that commands write only to their output, and that each ends as expected."""
    folder, material = lab.new("hostile"), lab.new("material")
    listed = lab.folder / "releases.json"
    listed.write_text(json.dumps([asdict(hostile) for hostile in _written(folder)]), encoding="utf-8")
    made = lab.run("material", material)
    require(made.status == 0, f"nothing to train with: {made.errors.strip()[-600:]}")
    before = snapshot(folder)
    found = lab.run("every-command", listed, material, folder / "out")
    after = {path: content for path, content in snapshot(folder).items() if not _is_output(Path(path), folder / "out")}
    changed = sorted(path for path in before | after if before.get(path) != after.get(path))
    faults = [f"changed outside --out: {Path(path).relative_to(folder)}" for path in changed]
    faults += found.errors.strip().splitlines() if found.status else []
    if faults:
        raise Through(f"{len(faults)} faults:\n  " + "\n  ".join(dict.fromkeys([*faults[:5], *faults[-5:]])))


def _written(folder: Path) -> Iterator[Hostile]:
    for number, name in enumerate(EDITS):
        yield _hostile(edited(world(folder / f"edit{number}"), name), refused=True)
    for number, name in enumerate(LINKS):
        yield _hostile(linked(world(folder / f"link{number}"), name), refused=True)
    for mode in ("embed", "reference"):
        for task in (True, False):
            release = with_texts(folder / f"{mode}-{task}", image_mode=mode, task=task)
            yield _hostile(release, refused=False)


def _hostile(release: Path, *, refused: bool) -> Hostile:
    """Write a release and, next to it, a file with answers to all its rows."""
    answers = release.parent / "answers.jsonl"
    ids = [i for path in sorted(release.glob("int*/*.parquet")) for i in pq.read_table(path)["id"].to_pylist()]
    lines = [json.dumps({"id": identity, "index": identity, "response": "[]"}) for identity in ids]
    answers.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Hostile(str(release), str(answers), refused)


def _is_output(path: Path, out: Path) -> bool:
    """Whether a command is allowed to write or lock the path."""
    return path.is_relative_to(out) and path.relative_to(out).parts[1].lstrip(".").startswith(OUTPUT)
