"""Finds the photo file to which a name in an annotation file refers. Annotation tools write names in many forms.

Supported forms are Windows paths, absolute paths, paths with `../`, percent-encoded paths, names that differ in case or
Unicode form, names with Label Studio's hash prefix, and the file names of COCO 2014. A name that could refer to several
files is refused.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote, urlsplit

from cgc_data.common.errors import PhotoError

COCO_FOLDERS = ("train2017", "val2017")  # LVIS and COCO split the same photos differently

_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
_OF_2014 = re.compile(r"^coco_[a-z]+2014_(?=[0-9]{12}\.)")


class NameIndex:
    """Finds file names by base name. Three forms of each base name are indexed: verbatim, folded (see `folded`), and
    folded without prefixes.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._folders: set[str] = set()
        self._exact: defaultdict[str, list[str]] = defaultdict(list)
        self._folded: defaultdict[str, list[str]] = defaultdict(list)
        self._bare: defaultdict[str, list[str]] = defaultdict(list)
        for name in names:
            folder, _, base = name.rpartition("/")
            self._folders.add(folder)
            self._exact[base].append(name)
            self._folded[folded(base)].append(name)
            if (bare := without_prefix(folded(base))) != folded(base):
                self._bare[bare].append(name)

    def find(self, file_name: str) -> str | None:
        """The file that a name refers to, or None. Raises PhotoError if the name could refer to several files."""
        parts = path_parts(file_name)
        if not parts:
            return None
        for candidates in self._candidates(parts[-1]):
            if inside := self._inside(parts[:-1], candidates):
                return _nearest(file_name, parts, inside)
        return None

    def _inside(self, folders: list[str], candidates: list[str]) -> list[str]:
        """The candidates in the folder that the name states; empty if none of them is in this folder. Returns all
        candidates if the name states no folder, a folder that does not exist, or one of COCO's folders.
        """
        folder = "/".join(folders)
        if not folders or folder not in self._folders or folders[-1] in COCO_FOLDERS:
            return candidates
        return [name for name in candidates if name.rpartition("/")[0] == folder]

    def _candidates(self, base: str) -> Iterator[list[str]]:
        yield self._exact.get(base, [])
        key = folded(base)
        yield self._folded.get(key, [])
        bare = without_prefix(key)
        # a prefix on one side only: two different prefixes are two different uploads
        yield self._folded.get(bare, []) if bare != key else self._bare.get(key, [])


def path_parts(file_name: str) -> list[str]:
    """The folders and the base name in a URL, or in a path from any operating system. `.` and `..` are omitted."""
    path = urlsplit(file_name).path if "://" in file_name else file_name.rpartition("?d=")[2]
    return [part for part in re.split(r"[\\/]", path) if part not in ("", ".", "..")]


def folded(base: str) -> str:
    """A key that is the same for all spellings of a name. Spellings may differ in case, Unicode form, and
    percent-encoding.

    >>> folded("Photo%20of.JPG")
    'photo of.jpg'
    """
    return unicodedata.normalize("NFC", unquote(base)).casefold()


def without_prefix(key: str) -> str:
    """A folded name without Label Studio's hash prefix or the prefix of COCO 2014's file names."""
    return _OF_2014.sub("", _UPLOADED.sub("", key))


def _nearest(file_name: str, parts: list[str], candidates: list[str]) -> str:
    """The candidate that shares the most folders with the name, counted from the innermost folder. Raises PhotoError if
    several candidates tie.
    """
    for same in (str, folded):
        shared = {name: _shared(parts, name.split("/"), same) for name in candidates}
        best = [name for name in candidates if shared[name] == max(shared.values())]
        if len(best) == 1:
            return best[0]
    first, second = sorted(best)[:2]
    raise PhotoError(f"{file_name!r}: could be {first} or {second}; name its folder in the annotation file")


def _shared(wanted: list[str], found: list[str], same: Callable[[str], str]) -> int:
    """The number of folders that two paths share, counted from the innermost folder to the first difference."""
    count = 0
    for one, other in zip(reversed(wanted[:-1]), reversed(found[:-1]), strict=False):
        if same(one) != same(other):
            break
        count += 1
    return count
