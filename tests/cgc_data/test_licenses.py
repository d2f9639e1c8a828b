"""Licenses of COCO and Creative Commons are classed by their URLs; what is not known is never published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgc_data.licenses import CLASSES, POLICIES, LicensePolicy, allowed, composite_license, license_class

COCO = {
    1: "http://creativecommons.org/licenses/by-nc-sa/2.0/",
    2: "http://creativecommons.org/licenses/by-nc/2.0/",
    3: "http://creativecommons.org/licenses/by-nc-nd/2.0/",
    4: "http://creativecommons.org/licenses/by/2.0/",
    5: "http://creativecommons.org/licenses/by-sa/2.0/",
    6: "http://creativecommons.org/licenses/by-nd/2.0/",
    7: "http://flickr.com/commons/usage/",
    8: "http://www.usa.gov/copyright.shtml",
}
UNKNOWN = "https://example.org/terms"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (COCO[1], "noncommercial"),
        (COCO[2], "noncommercial"),
        (COCO[3], "no_derivatives"),
        (COCO[4], "permissive"),
        (COCO[5], "share_alike"),
        (COCO[6], "no_derivatives"),
        (COCO[7], "permissive"),
        (COCO[8], "permissive"),
        ("https://www.flickr.com/commons/usage", "permissive"),
        ("https://www.usa.gov/government-works", "permissive"),
        ("https://creativecommons.org/licenses/by/4.0", "permissive"),
        ("HTTPS://CreativeCommons.org/licenses/BY-SA/3.0/de/deed.en", "share_alike"),
        ("https://creativecommons.org/licenses/by/4.0/?ref=x#y", "permissive"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "permissive"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.en", "permissive"),
        ("", "unknown"),
        (UNKNOWN, "unknown"),
        ("https://creativecommons.org/licenses/", "unknown"),
        ("https://creativecommons.org/licenses/by-xx/4.0/", "unknown"),
        ("https://creativecommons.org/licenses/byte/4.0/", "unknown"),
        ("https://example.org/creativecommons.org/licenses/by/4.0/", "unknown"),
        ("https://creativecommons.org.example.org/licenses/by/4.0/", "unknown"),
        ("creativecommons.org/licenses/by/4.0/", "unknown"),
        ("http://[", "unknown"),
    ],
)
def test_license_class(url: str, expected: str) -> None:
    assert license_class(url) == expected


@pytest.mark.parametrize(
    ("policy", "windows", "coco_ids"),
    [
        ("permissive", False, {4, 5, 7, 8}),
        ("permissive", True, {4, 5, 7, 8}),
        ("noncommercial", False, {1, 2, 3, 4, 5, 6, 7, 8}),
        ("noncommercial", True, {1, 2, 4, 5, 7, 8}),
        ("all", False, {1, 2, 3, 4, 5, 6, 7, 8}),
        ("all", True, {1, 2, 4, 5, 7, 8}),
    ],
)
def test_allowed_of_cocos_licenses(policy: LicensePolicy, windows: bool, coco_ids: set[int]) -> None:
    assert {i for i, url in COCO.items() if allowed(url, policy, windows=windows)} == coco_ids


def test_unknown_license_is_used_only_under_all() -> None:
    assert [p for p in POLICIES if allowed(UNKNOWN, p, windows=False)] == ["all"]


@given(st.text())
def test_any_text_has_a_class(text: str) -> None:
    assert license_class(text) in CLASSES


@given(st.sampled_from([*COCO.values(), UNKNOWN, ""]), st.sampled_from(POLICIES))
def test_whole_photos_are_never_freer_cropped(url: str, policy: LicensePolicy) -> None:
    assert allowed(url, policy, windows=False) or not allowed(url, policy, windows=True)


@pytest.mark.parametrize(
    ("numbers", "result"),
    [
        ((4,), 4),
        ((4, 7, 8), 4),
        ((5, 4, 7), 5),
        ((5, 5), 5),
        ((2, 4), 2),
        ((1, 2, 4), 1),
        ((1, 5), None),
        ((2, 5), None),
        ((6, 4), None),
        ((3, 2), None),
    ],
)
def test_a_composite_has_a_license_only_if_all_its_photos_allow_one(
    numbers: tuple[int, ...], result: int | None
) -> None:
    assert composite_license([COCO[number] for number in numbers]) == (COCO[result] if result else None)


def test_nothing_is_composed_of_what_states_no_license() -> None:
    assert composite_license([]) is None
    assert composite_license([COCO[4], UNKNOWN]) is None
    assert composite_license([""]) is None
