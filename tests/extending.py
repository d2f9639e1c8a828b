"""The examples of docs/extending.md, written into a copy of the packages as on the page."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TITLES = ("A task", "A source format", "A reward term", "A benchmark")
PACKAGES = ("cgc_data", "cgc_train", "cgc_bench")
FILE = re.compile(r"^`([\w/.]+)`\n\n```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Extension:
    """One section of the page: new files by path, and the lines that register them."""

    files: dict[str, str]
    registration: dict[str, str]


def extension(title: str) -> Extension:
    """The section of the page with this title."""
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    (section,) = [part for part in page.split("\n## ") if part.startswith(f"{title}\n")]
    found = FILE.findall(section)
    return Extension(
        {path: code for path, kind, code in found if kind == "python"},
        {path: code for path, kind, code in found if kind == "diff"},
    )


def example_files() -> set[str]:
    """Paths of all files that the page has you write."""
    return {path for title in TITLES for path in extension(title).files}


@dataclass(frozen=True)
class Copy:
    """A copy of the packages with an extension, and a way to run its commands."""

    folder: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m COMMAND` on the copy's packages."""
        path = os.pathsep.join([str(self.folder), str(ROOT), str(ROOT / "cards")])
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    def output(self, *command: str, **environment: str) -> str:
        """What a command prints; it must end well."""
        done = self.run(*command, **environment)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def extended_copy(folder: Path, *titles: str) -> Copy:
    """A copy of the packages in a folder, with the examples of these sections."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for title in titles:
        _apply(extension(title), folder)
    return Copy(folder)


def _apply(found: Extension, folder: Path) -> None:
    for path, code in found.files.items():
        assert not (folder / path).exists(), f"{path} is there already"
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(code, encoding="utf-8")
    for path, diff in found.registration.items():
        lines = diff.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        text = (folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} has not the lines that the page shows"
        (folder / path).write_text(text.replace(old, new), encoding="utf-8")
