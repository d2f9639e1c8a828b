"""Hostile or damaged photo archives."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from scripts.faults.lab import Lab, require

MOST_MEMORY = 1 << 30


def hostile_zips(lab: Lab) -> None:
    """Test archives that expand to gigabytes, refer to files outside the archive, or are damaged. The build must skip
    the photo or end with an error.
    """
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
    """Returns a function that copies an archive and replaces one photo with other content. If `content` is an integer,
    the new content is this many MB of zeros.

    If `stated` is given, the archive's table of contents lists `stated` as the photo's size, instead of the true size.
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
