"""What a photo's licence allows, read from its URL: which photos to build from, and what may be published.

Only the licences of COCO, the Creative Commons family and public-domain marks are known; any other URL is "unknown".
"""

import re
from typing import Literal, get_args
from urllib.parse import urlsplit

LicenceClass = Literal["permissive", "share_alike", "noncommercial", "no_derivatives", "unknown"]
LicencePolicy = Literal["all", "permissive", "noncommercial"]
CLASSES: tuple[LicenceClass, ...] = get_args(LicenceClass)
POLICIES: tuple[LicencePolicy, ...] = get_args(LicencePolicy)

_CREATIVE_COMMONS = re.compile(r"/licenses/(by|by-sa|by-nc|by-nc-sa|by-nd|by-nc-nd)(/[\w./-]*)?")
_ELEMENTS: dict[str, LicenceClass] = {
    "by": "permissive",
    "by-sa": "share_alike",
    "by-nc": "noncommercial",
    "by-nc-sa": "noncommercial",
    "by-nd": "no_derivatives",
    "by-nc-nd": "no_derivatives",
}
# no known copyright restrictions, work of the United States government, CC0 and the public-domain mark
_FREE = (
    re.compile(r"flickr\.com/commons/usage"),
    re.compile(r"usa\.gov/(copyright\.shtml|government-(copyright|works))"),
    re.compile(r"creativecommons\.org/(publicdomain/(zero|mark)/1\.0|licenses/publicdomain)(/[\w./-]*)?"),
)


def licence_class(url: str) -> LicenceClass:
    """Class of the licence at `url`; http or https, with or without `www.` and a last slash.

    "permissive" asks for attribution at most, "share_alike" also that adaptations keep the licence, "noncommercial"
    forbids commercial use, "no_derivatives" forbids adaptations (whether commercial use is allowed or not).
    """
    address = licence_address(url)
    if any(pattern.fullmatch(address) for pattern in _FREE):
        return "permissive"
    host, slash, path = address.partition("/")
    match = _CREATIVE_COMMONS.fullmatch(slash + path) if host == "creativecommons.org" else None
    return _ELEMENTS[match[1]] if match else "unknown"


def allowed(url: str, policy: LicencePolicy, *, windows: bool) -> bool:
    """May a photo under the licence at `url` be used: whole, or (`windows`) cropped and resized?

    "permissive" takes what anyone may use and adapt (COCO's licences 4, 5, 7, 8). "noncommercial" adds the
    non-commercial licences, and whole photos under no-derivatives ones. "all" takes every photo, but no window of one
    under a no-derivatives licence; a release with photos beyond the other two cannot be pushed with its photos.
    """
    kind = licence_class(url)
    if policy == "all":
        return not (windows and kind == "no_derivatives")
    if kind in ("permissive", "share_alike"):
        return True
    if policy == "permissive":
        return False
    return kind == "noncommercial" or (kind == "no_derivatives" and not windows)


def licence_address(url: str) -> str:
    """Host without `www.` and path of a web address, in lower case; empty for anything else."""
    try:
        parts = urlsplit(url.strip().lower())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/")


def web_link(url: str) -> str:
    """The address as a page or a card may link it: http or https, with a host, on one line; empty for anything else."""
    if not licence_address(url) or not url.isprintable() or re.search(r"[\s\"'`<>\\]", url):
        return ""
    return url.replace("(", "%28").replace(")", "%29")
