"""Breaks builds and releases in every way that is known, and checks that nothing is lost, wrong, or touched outside.

Usage: python scripts/try_faults.py [--seed N] [--without GUARD | --self-test]
`--without` switches a guard of the package off, in the processes that are tried alone, which has to make the campaign
fail; `--self-test` does that for every guard. Exits with status 1 if a fault came through (or, in the self-test, if
the campaign missed that a guard was off).
"""

import argparse
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "cards")]

import cv2  # noqa: E402 - the package is found by now
import yaml  # noqa: E402

from cgc_data.painter.paint import paint  # noqa: E402
from scripts.fault_hooks import GUARDS  # noqa: E402
from tests.hostile import EDITS, LINKS, edited, linked, snapshot, with_texts, world  # noqa: E402

CHILD = ROOT / "scripts" / "fault_hooks.py"
LONGEST = 90  # seconds, of one process
MOST_MEMORY = 1 << 30
MOMENTS = ("make_plan", "_write_split", "shard_tasks", "render_shard", "write_atomically", "finish_release")


class Through(Exception):
    """A fault that came through: what is lost, wrong, or touched."""


@dataclass(frozen=True)
class Run:
    """How a process ended."""

    status: int
    errors: str
    memory: int  # bytes, at most


class Lab:
    """A folder with painted sources, a configuration for them, and the release that they give if nothing goes wrong."""

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
        """A configuration of the painted source, with another place of annotations or images."""
        source = {"kind": "coco", "annotations": str(self.source.annotations), "images": str(self.source.images)}
        values = {"sources": [source | {"exhaustive": True} | changes], "samples": 30, "shard_rows": 6}
        path = self.new("config") / "config.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    def copied(self) -> tuple[Path, Path, Path]:
        """A configuration of a copy of the sources, its annotation file, and its folder of photos."""
        folder = self.new("sources")
        annotations, images = folder / "own.json", folder / "images"
        shutil.copy(self.source.annotations, annotations)
        shutil.copytree(self.source.images, images)
        return self.config(annotations=str(annotations), images=str(images)), annotations, images

    def start(self, *command: object, fault: str = "", **options: Any) -> "subprocess.Popen[str]":
        """Start a command of `cgc-data` in a process of its own, with a fault at a moment of it."""
        environment = {
            **os.environ,
            "CGC_FAULT": fault,
            "CGC_WITHOUT": self._without,
            "HF_ENDPOINT": "http://127.0.0.1:9",
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
        """Run a command to its end."""
        return ended(self.start(*command, fault=fault, **options))

    def build(self, config: Path, out: Path, *more: str) -> None:
        """A build that has to succeed."""
        found = self.run("build", config, "--out", out, "--workers", "2", *more)
        require(found.status == 0, f"a build ends with status {found.status}: {found.errors[-300:]}")


def ended(process: "subprocess.Popen[str]") -> Run:
    """Wait for a process, and for what it leaves."""
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(process.returncode, errors, usage.ru_maxrss << 10)


def require(holds: object, fault: str) -> None:
    """Raise Through if something does not hold."""
    if not holds:
        raise Through(fault)


def digests(release: Path) -> dict[str, bytes | str]:
    """Content of every file of a release, by its path in it."""
    return {str(Path(name).relative_to(release)): content for name, content in snapshot(release).items()}


def refused(found: Run, *words: str) -> None:
    """A run must end with status 2 and a last line that says these words, without a traceback."""
    last = (found.errors.strip().splitlines() or [""])[-1]
    require(found.status == 2 and "Traceback" not in found.errors, f"status {found.status}: {found.errors[-300:]}")
    require(all(word in last for word in words), f"the error does not say {words}: {last}")


def killed_at_moments(lab: Lab) -> None:
    """SIGKILL while planning and rendering, several times over, changes no byte of what is built at last."""
    for moment in MOMENTS:
        out = lab.new("killed") / "release"
        call = lab.random.randint(1, 3 if moment in ("_write_split", "render_shard", "write_atomically") else 1)
        lab.run("build", lab.config(), "--out", out, "--workers", "1", fault=f"kill:{moment}:{call}")
        lab.build(lab.config(), out)
        require(digests(out) == lab.expected, f"killed at {moment}, the release is another one")


def killed_at_any_time(lab: Lab) -> None:
    """The same at random times, with several processes."""
    out = lab.new("killed") / "release"
    for _ in range(3):
        process = lab.start("build", lab.config(), "--out", out, "--workers", "2")
        time.sleep(lab.random.uniform(0.5, 4))
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()
    lab.build(lab.config(), out)
    require(digests(out) == lab.expected, "killed at random, the release is another one")


def damaged_shard(lab: Lab) -> None:
    """A finished shard of a stopped build that is damaged meanwhile is made again."""
    out = lab.new("damaged") / "release"
    lab.run("build", lab.config(), "--out", out, "--workers", "2", fault="kill:finish_release:1")
    shard = lab.random.choice(sorted(out.glob("int*/*.parquet")))
    content = bytearray(shard.read_bytes())
    content[lab.random.randrange(len(content))] ^= 1 << lab.random.randrange(8)
    shard.write_bytes(content)
    found = lab.run("build", lab.config(), "--out", out)
    require(found.status == 0 and digests(out) == lab.expected, "a damaged shard is in the release")


def full_disk(lab: Lab) -> None:
    """A full disk is a one-line error; with room the same command finishes."""
    with small_disk(lab) as (folder, options, grow):
        out = folder / "release"
        found = lab.run("build", lab.config(), "--out", out, "--workers", "1", **options)
        refused(found, str(out))
        require(not (out / "manifest.json").exists(), "a full disk leaves a manifest")
        grow()
        lab.build(lab.config(), out)
        require(digests(out) == lab.expected, "after a full disk, the release is another one")


@contextmanager
def small_disk(lab: Lab) -> Iterator[tuple[Path, dict[str, Any], Callable[[], object]]]:
    """A folder with little room: a small tmpfs, or, if none can be mounted, a limit on the size of files."""
    folder = lab.new("disk")
    size = sum(len(content) for content in lab.expected.values()) // 2
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        largest = max(path.stat().st_size for path in lab.whole.rglob("*.parquet"))
        limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, largest // 2))}
        yield folder, limit, lambda: None
        return
    try:
        yield folder, {}, lambda: subprocess.run(["mount", "-o", "remount,size=256m", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def replaced_photos(lab: Lab) -> None:
    """Photos that are replaced while a build is stopped, with name, size and time as before, make another release."""
    config, annotations, images = lab.copied()
    content = json.loads(annotations.read_bytes())
    for image in content["images"]:  # known by their names, as COCO's are, and not by their bytes
        image["coco_url"] = f"http://images.cocodataset.org/train2017/{image['id'] % 10**6:012d}.jpg"
    annotations.write_text(json.dumps(content), encoding="utf-8")
    out, fresh = lab.new("replaced") / "release", lab.new("fresh") / "release"
    lab.run("build", config, "--out", out, fault="kill:finish_release:1")
    photos = sorted(images.rglob("*.jpg"))
    for path in lab.random.sample(photos, len(photos) // 2):
        twin(path, lab.random.choice(photos))
    lab.build(config, out)
    lab.build(config, fresh)
    require(digests(out) == digests(fresh), "what was known of replaced photos is in the release")


def twin(path: Path, other: Path) -> None:
    """Make a photo show what another shows, at its own size and with its times and number of bytes."""
    state = path.stat()
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    shown = cv2.resize(cv2.imread(str(other)), pixels.shape[1::-1])
    for quality in range(90, 0, -5):
        content = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= state.st_size:
            break
    path.write_bytes(content + bytes(state.st_size - len(content)))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def changed_meanwhile(lab: Lab) -> None:
    """Annotations or photos that change during a build stop it; the same command builds from the new state."""
    for what, moment in (("annotations", "shard_tasks"), ("photo", "shard_tasks"), ("photo", "finish_tasks")):
        config, annotations, images = lab.copied()
        listed = {Path(image["file_name"]).name for image in json.loads(annotations.read_bytes())["images"]}
        photos = [path for path in sorted(images.rglob("*.jpg")) if path.name in listed]
        changed = annotations if what == "annotations" else lab.random.choice(photos)
        out = lab.new("changed") / "release"
        found = lab.run("build", config, "--out", out, "--workers", "1", fault=f"touch:{moment}:1:{changed}")
        refused(found, "changed while the build ran", changed.name)
        require(not (out / "manifest.json").exists(), "a release of two states is finished")
        lab.build(config, out)


def two_at_once(lab: Lab) -> None:
    """A second build into the folder of one that runs is refused, and the first is not disturbed."""
    out = lab.new("twice") / "release"
    first = lab.start("build", lab.config(), "--out", out, "--workers", "1", fault="wait:shard_tasks:1:8")
    while not (out / ".build" / "plan.json").exists() and first.poll() is None:
        time.sleep(0.1)
    refused(lab.run("build", lab.config(), "--out", out), "another build")
    found = ended(first)
    require(found.status == 0 and digests(out) == lab.expected, "two builds at once spoil each other")


def hostile_zips(lab: Lab) -> None:
    """An archive that unpacks to gigabytes, leads elsewhere or is damaged costs a photo or the build, and no memory."""
    folder = lab.new("zips")
    sound = folder / "sound.zip"
    with zipfile.ZipFile(sound, "w") as archive:
        for path in sorted(lab.source.images.rglob("*.jpg")):
            archive.write(path, path.relative_to(lab.source.images))
    name = next(n for n in zipfile.ZipFile(sound).namelist() if "train" in n)
    for kind, spoil in ZIPS.items():
        path = folder / f"{kind.replace(' ', '-')}.zip"
        spoil(sound, path, name)
        out = lab.new("zip") / "release"
        found = lab.run("build", lab.config(images=str(path)), "--out", out, "--workers", "1", "max_rejected=0.9")
        require(found.status in (0, 2) and "Traceback" not in found.errors, f"{kind}: {found.errors[-300:]}")
        require(found.memory < MOST_MEMORY, f"{kind}: {found.memory >> 20} MB of memory")
        require(not list(lab.folder.rglob("escaped.jpg")), f"{kind}: a member is written elsewhere")


def _with(content: bytes | int, member: str = "", stated: int | None = None) -> Callable[[Path, Path, str], None]:
    """The archive with another member in place of a photo; an int stands for as many MB of zeros.

    `stated` is the size that the archive's directory gives instead of the true one.
    """

    def write(sound: Path, path: Path, name: str) -> None:
        with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for info in old.infolist():
                if info.filename != name:
                    new.writestr(info, old.read(info))
            with new.open(member or name, "w", force_zip64=True) as file:
                for block in [bytes(1 << 20)] * content if isinstance(content, int) else [content]:
                    file.write(block)
        if stated is not None:
            packed = bytearray(path.read_bytes())
            place = packed.rindex(b"PK\x01\x02")
            packed[place + 24 : place + 28] = struct.pack("<I", stated)
            path.write_bytes(packed)

    return write


def _cut(sound: Path, path: Path, _: str) -> None:
    path.write_bytes(sound.read_bytes()[:-200])


def _flipped(sound: Path, path: Path, _: str) -> None:
    content = bytearray(sound.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


ZIPS: dict[str, Callable[[Path, Path, str], None]] = {
    "3 GB": _with(3 << 10),
    "600 MB stated as 5 kB": _with(600, stated=5000),
    "leads elsewhere": _with(b"x", "../../../../escaped.jpg"),
    "no photo": _with(b"no photo"),
    "cut short": _cut,
    "flipped": _flipped,
}


def hostile_releases(lab: Lab) -> None:
    """Releases made to lead elsewhere, through every command that opens one: nothing outside `--out` changes."""
    folder = lab.new("hostile")
    releases = [edited(world(folder / f"edit{n}"), name) for n, name in enumerate(EDITS)]
    releases += [linked(world(folder / f"link{n}"), name) for n, name in enumerate(LINKS)]
    releases += [with_texts(folder / mode, image_mode=mode) for mode in ("embed", "reference")]
    before = snapshot(folder)
    out = lab.new("out")
    listed = folder.with_name("releases.json")
    listed.write_text(json.dumps([str(release) for release in releases]), encoding="utf-8")
    found = lab.run("every-command", listed, out)
    require(found.status == 0, f"a hostile release: {found.errors.strip()[-600:]}")
    require(snapshot(folder) == before, "a hostile release writes outside --out")


FAULTS: dict[str, Callable[[Lab], None]] = {
    "killed at moments": killed_at_moments,
    "killed at any time": killed_at_any_time,
    "damaged shard": damaged_shard,
    "full disk": full_disk,
    "replaced photos": replaced_photos,
    "changed meanwhile": changed_meanwhile,
    "two at once": two_at_once,
    "hostile zips": hostile_zips,
    "hostile releases": hostile_releases,
}


def campaign(seed: int, without: str, faults: tuple[str, ...]) -> dict[str, str]:
    """What came through, by fault."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="cgc-faults-") as folder:
        lab = Lab(Path(folder).resolve(), seed, without)
        for name in faults:
            started = time.monotonic()
            try:
                FAULTS[name](lab)
            except Through as fault:
                found[name] = str(fault)
            print(f"{name:<20} {time.monotonic() - started:6.1f} s  {found.get(name, 'withstood')}", flush=True)
    return found


def main() -> None:
    """Run the campaign, or try whether it notices every guard that is switched off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", choices=GUARDS, default="")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--only", choices=FAULTS, action="append", help="these faults alone")
    options = parser.parse_args()
    if not options.self_test:
        sys.exit(1 if campaign(options.seed, options.without, tuple(options.only or FAULTS)) else 0)
    missed = [g for g, guard in GUARDS.items() if not campaign(options.seed, g, (guard.fault,))]
    print(f"not noticed: {', '.join(missed)}" if missed else "every guard that is switched off is noticed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
