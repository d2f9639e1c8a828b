"""Determines from the license URL of a photo whether a build may use the photo, and whether it can be published.

Only the licenses of COCO, the Creative Commons family, and public-domain marks are known. Any other URL is "unknown".
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args
from urllib.parse import urlsplit

LicenseClass = Literal["permissive", "share_alike", "noncommercial", "no_derivatives", "unknown"]
LicensePolicy = Literal["all", "permissive", "noncommercial"]
CLASSES: tuple[LicenseClass, ...] = get_args(LicenseClass)
POLICIES: tuple[LicensePolicy, ...] = get_args(LicensePolicy)

_CREATIVE_COMMONS = re.compile(r"/licenses/(by|by-sa|by-nc|by-nc-sa|by-nd|by-nc-nd)(/[\w./-]*)?")
_CLASSES: dict[str, LicenseClass] = {
    "free": "permissive",
    "by": "permissive",
    "by-sa": "share_alike",
    "by-nc": "noncommercial",
    "by-nc-sa": "noncommercial",
    "by-nd": "no_derivatives",
    "by-nc-nd": "no_derivatives",
}
# Licenses that permit adaptations, from least to most demanding.
RANKS = ("free", "by", "by-sa", "by-nc", "by-nc-sa")
# no known copyright restrictions, work of the United States government, CC0, and the public-domain mark
_FREE = (
    re.compile(r"flickr\.com/commons/usage"),
    re.compile(r"usa\.gov/(copyright\.shtml|government-(copyright|works))"),
    re.compile(r"creativecommons\.org/(publicdomain/(zero|mark)/1\.0|licenses/publicdomain)(/[\w./-]*)?"),
)


def license_class(url: str) -> LicenseClass:
    """Class of the license at `url`. The URL can start with http or https. `www.` and a trailing slash are optional.

    "permissive" requires at most attribution. "share_alike" also requires that adaptations keep the license.
    "noncommercial" forbids commercial use. "no_derivatives" forbids adaptations, whether or not it allows commercial
    use.
    """
    return _CLASSES.get(_elements(url), "unknown")


def allowed(url: str, policy: LicensePolicy, *, windows: bool) -> bool:
    """Whether a photo under the license at `url` may be used. `windows` states whether the photo would be cropped and
    resized.

    "permissive" accepts photos that anyone may use and adapt (COCO's licenses 4, 5, 7, 8). "noncommercial" adds photos
    under non-commercial licenses, and uncropped photos under no-derivatives licenses. "all" accepts every photo, except
    windows of photos under no-derivatives licenses. If a release embeds photos that only "all" accepts, you cannot push
    the release.
    """
    kind = license_class(url)
    if policy == "all":
        return not (windows and kind == "no_derivatives")
    if kind in ("permissive", "share_alike"):
        return True
    if policy == "permissive":
        return False
    return kind == "noncommercial" or (kind == "no_derivatives" and not windows)


def composite_license(urls: Iterable[str]) -> str | None:
    """URL of the license for a picture that is composed of photos under these licenses; None if no license allows such
    a picture.

    Photos under Attribution licenses, or licenses that require less, can be combined with photos under any license that
    permits adaptations. If any of the photos is under a ShareAlike license, the picture must be too. The same holds for
    NonCommercial. ShareAlike photos cannot be combined with NonCommercial photos.
    """
    found = sorted(set(urls), key=lambda url: (RANKS.index(_elements(url)) if _elements(url) in RANKS else -1, url))
    elements = [_elements(url) for url in found]
    if not found or not set(elements) <= set(RANKS):
        return None
    if "by-sa" in elements and not {"by-nc", "by-nc-sa"}.isdisjoint(elements):
        return None
    return found[-1]


@lru_cache(maxsize=4096)  # cached, because sources have few licenses, each for many photos
def _elements(url: str) -> str:
    """Elements of a Creative Commons license, such as "by-sa". The result is "free" if the license requires nothing,
    and "" if the license is unknown.
    """
    address = license_address(url)
    if any(pattern.fullmatch(address) for pattern in _FREE):
        return "free"
    host, slash, path = address.partition("/")
    match = _CREATIVE_COMMONS.fullmatch(slash + path) if host == "creativecommons.org" else None
    return match[1] if match else ""


def license_address(url: str) -> str:
    """The host (without `www.`) and the path of a URL, in lower case; empty for anything but an http or https URL."""
    try:
        parts = urlsplit(url.strip().lower())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/")


def web_link(url: str) -> str:
    """The URL if a page or card can link to it (http or https, with a host, on one line), otherwise an empty string."""
    if not license_address(url) or not url.isprintable() or re.search(r"[\s\"'`<>\\]", url):
        return ""
    return url.replace("(", "%28").replace(")", "%29")
