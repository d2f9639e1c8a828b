"""Faults during a build: it is killed, the disk fills up, its sources change, or another build runs."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from scripts.faults.lab import Lab, digests, ended, refused, require

MOMENTS = (
    *("make_plan", "plan_part", "_join"),
    *("shard_tasks", "render_shard", "write_atomically", "write_release"),
)


def killed_at_moments(lab: Lab) -> None:
    """Kill several builds with SIGKILL, each at a different moment, and run them again. Test that every release has the
    same bytes as the release of an undisturbed build.
    """
    for moment in MOMENTS:
        out = lab.new("killed") / "release"
        call = lab.random.randint(1, 3 if moment in ("plan_part", "render_shard", "write_atomically") else 1)
        lab.run("build", lab.config(), "--out", out, "--workers", "1", fault=f"kill:{moment}:{call}")
        lab.build(lab.config(), out)
        require(digests(out) == lab.expected, f"after a kill at {moment}, the release is different")


def killed_at_any_time(lab: Lab) -> None:
    """Kill a build with two worker processes several times, at random moments. Test that the finished release has the
    same bytes as the release of an undisturbed build.
    """
    out = lab.new("killed") / "release"
    for _ in range(3):
        process = lab.start("build", lab.config(), "--out", out, "--workers", "2")
        time.sleep(lab.random.uniform(0.5, 4))
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.wait()
    lab.build(lab.config(), out)
    require(digests(out) == lab.expected, "after a kill at a random moment, the release is different")


def damaged_shard(lab: Lab) -> None:
    """Damage a finished shard while the build is stopped. Test that the next run rebuilds the shard."""
    out = lab.new("damaged") / "release"
    lab.run("build", lab.config(), "--out", out, "--workers", "2", fault="kill:write_release:1")
    shard = lab.random.choice(sorted(out.glob("int*/*.parquet")))
    content = bytearray(shard.read_bytes())
    content[lab.random.randrange(len(content))] ^= 1 << lab.random.randrange(8)
    shard.write_bytes(content)
    found = lab.run("build", lab.config(), "--out", out)
    require(found.status == 0 and digests(out) == lab.expected, "the release contains a damaged shard")


def full_disk(lab: Lab) -> None:
    """Test that a full disk causes a one-line error, and that the same command finishes once there is space again."""
    with small_disk(lab) as (folder, options, grow):
        out = folder / "release"
        found = lab.run("build", lab.config(), "--out", out, "--workers", "1", **options)
        refused(found, str(out))
        require(not (out / "manifest.json").exists(), "after the disk became full, the release contains a manifest")
        grow()
        lab.build(lab.config(), out)
        require(
            digests(out) == lab.expected,
            ("after the disk became full and the build was resumed, the release is different"),
        )


@contextmanager
def small_disk(lab: Lab) -> Iterator[tuple[Path, dict[str, Any], Callable[[], object]]]:
    """A folder with little space.

    The disk is a small tmpfs. If no tmpfs can be mounted, a limit on file sizes is used instead.
    """
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
    """Replace photos while a build is stopped, but keep their names, sizes, and timestamps. Test that the resumed build
    uses the new photos.
    """
    config, annotations, images = lab.copied()
    content = json.loads(annotations.read_bytes())
    for image in content["images"]:  # identified by name, like COCO's photos, not by bytes
        image["coco_url"] = f"http://images.cocodataset.org/train2017/{image['id'] % 10**6:012d}.jpg"
    annotations.write_text(json.dumps(content), encoding="utf-8")
    out, fresh = lab.new("replaced") / "release", lab.new("fresh") / "release"
    lab.run("build", config, "--out", out, fault="kill:write_release:1")
    photos = sorted(images.rglob("*.jpg"))
    for path in lab.random.sample(photos, len(photos) // 2):
        twin(path, lab.random.choice(photos))
    lab.build(config, out)
    lab.build(config, fresh)
    require(digests(out) == digests(fresh), "the release contains data of photos that were replaced")


def twin(path: Path, other: Path) -> None:
    """Replace a photo's content with that of another photo, but keep the image size, the timestamps, and the number of
    bytes.
    """
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
    """Test that a build stops if annotations or photos change while it runs. Test that a second run of the same command
    finishes with the new files.
    """
    for what, moment in (("annotations", "shard_tasks"), ("photo", "shard_tasks"), ("photo", "finish_tasks")):
        config, annotations, images = lab.copied()
        listed = {Path(image["file_name"]).name for image in json.loads(annotations.read_bytes())["images"]}
        photos = [path for path in sorted(images.rglob("*.jpg")) if path.name in listed]
        changed = annotations if what == "annotations" else lab.random.choice(photos)
        out = lab.new("changed") / "release"
        found = lab.run("build", config, "--out", out, "--workers", "1", fault=f"touch:{moment}:1:{changed}")
        refused(found, "changed while the build ran", changed.name)
        require(not (out / "manifest.json").exists(), "a build finished with a mixture of old and new source files")
        lab.build(config, out)


def two_at_once(lab: Lab) -> None:
    """Test that a second build into the same folder is refused and does not affect the running build."""
    out = lab.new("twice") / "release"
    held = lab.new("held") / "first"
    held.touch()
    first = lab.start("build", lab.config(), "--out", out, "--workers", "1", fault=f"wait:shard_tasks:1:{held}")
    while not (out / ".build" / "plan.json").exists() and first.poll() is None:
        time.sleep(0.1)
    try:
        refused(lab.run("build", lab.config(), "--out", out), "another command")
    finally:
        held.unlink()
        found = ended(first)
    require(found.status == 0 and digests(out) == lab.expected, "two builds at the same time corrupted each other")
