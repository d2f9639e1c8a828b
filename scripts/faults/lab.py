"""Test environment for faults: painted source photos, an undisturbed build of them, and processes with an injected
fault.
"""

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cgc_data.painter.paint import paint
from tests.hostile import snapshot

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("hooks.py")


class Through(Exception):
    """A fault that was not caught: something is lost, wrong, or changed."""


@dataclass(frozen=True)
class Run:
    """Outcome of a process."""

    status: int
    errors: str
    memory: int  # maximum number of bytes


class Lab:
    """A folder with painted sources, a configuration for them, and the release of an undisturbed build."""

    def __init__(self, folder: Path, seed: int, without: str) -> None:
        self.folder, self.random, self._without = folder, random.Random(seed), without
        self._count = 0
        self.source = next(s for s in paint("standard", folder / "painted", photos=36) if s.kind == "coco")
        self.whole = self.new("whole") / "release"
        self.build(self.config(), self.whole)
        self.expected = digests(self.whole)

    def new(self, name: str) -> Path:
        """A new empty folder."""
        self._count += 1
        folder = self.folder / f"{self._count:03d}-{name}"
        folder.mkdir()
        return folder

    def config(self, **changes: Any) -> Path:
        """Write a configuration for the painted sources. `changes` overrides fields of the source, such as paths."""
        source = {"kind": "coco", "annotations": str(self.source.annotations), "images": str(self.source.images)}
        values = {"sources": [source | {"exhaustive": True} | changes], "samples": 30, "shard_rows": 6}
        path = self.new("config") / "config.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    def copied(self) -> tuple[Path, Path, Path]:
        """Copy the sources. Returns a configuration for the copies, the annotation file, and the folder of photos."""
        folder = self.new("sources")
        annotations, images = folder / "own.json", folder / "images"
        shutil.copy(self.source.annotations, annotations)
        shutil.copytree(self.source.images, images)
        return self.config(annotations=str(annotations), images=str(images)), annotations, images

    def start(self, *command: object, fault: str = "", **options: Any) -> "subprocess.Popen[str]":
        """Start a `cgc-data` command in a separate process, with a fault at a given moment."""
        environment = {
            **os.environ,
            "CGC_FAULT": fault,
            "CGC_WITHOUT": self._without,
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(self.folder / "hf"),
        }
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "cards")])
        return subprocess.Popen(
            [sys.executable, str(CHILD), *map(str, command)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def run(self, *command: object, fault: str = "", **options: Any) -> Run:
        """Run a command to completion."""
        return ended(self.start(*command, fault=fault, **options))

    def build(self, config: Path, out: Path, *more: str) -> None:
        """Run a build that must succeed."""
        found = self.run("build", config, "--out", out, "--workers", "2", *more)
        require(found.status == 0, f"a build ended with status {found.status}: {found.errors[-300:]}")


def ended(process: "subprocess.Popen[str]") -> Run:
    """Wait for a process and return its outcome."""
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(process.returncode, errors, usage.ru_maxrss << 10)


def require(holds: object, fault: str) -> None:
    """Raise Through if the condition does not hold."""
    if not holds:
        raise Through(fault)


def digests(release: Path) -> dict[str, bytes | str]:
    """Content of every file of a release, by relative path."""
    return {str(Path(name).relative_to(release)): content for name, content in snapshot(release).items()}


def refused(found: Run, *words: str) -> None:
    """Require exit status 2, no traceback, and a last line that contains these words."""
    last = (found.errors.strip().splitlines() or [""])[-1]
    require(found.status == 2 and "Traceback" not in found.errors, f"status {found.status}: {found.errors[-300:]}")
    require(all(word in last for word in words), f"the error does not contain {words}: {last}")
