"""Splits that never change, and near-duplicates that stay together."""

import os
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from cgc_data.common.errors import SourceError
from cgc_data.common.processes import Processes
from cgc_data.config import Splits
from cgc_data.images import UnshownError, decode_photo
from cgc_data.index.facts import photo_facts
from cgc_data.index.listings import Appearance
from cgc_data.index.near import like_any, near_duplicates
from cgc_data.index.photos import Photo
from cgc_data.index.splits import (
    assign_splits,
    hash_folder,
    perceptual_hash,
)
from cgc_data.sources import PhotoStore, open_photos
from tests.cgc_data.drawn import photo as drawn_photo

SETTINGS = Splits(validation=0.3)


def photos(numbers: Sequence[int], val: Sequence[int] = ()) -> list[Photo]:
    return [
        Photo(f"coco:{n:012d}", (Appearance(0, n, f"{n:012d}.jpg"),), n, 64, 48, 4, "", "", n in val) for n in numbers
    ]


def splits_of(
    numbers: Sequence[int],
    *,
    val: Sequence[int] = (),
    together: Sequence[Sequence[int]] = (),
    held_out: Sequence[int] = (),
    settings: Splits = SETTINGS,
) -> dict[int, str]:
    clusters = np.arange(len(numbers), dtype=np.int32)
    for group in together:
        inside = [i for i, n in enumerate(numbers) if n in group]
        clusters[inside] = clusters[inside[0]]
    held = np.array([n in held_out for n in numbers], dtype=bool)
    return dict(zip(numbers, assign_splits(photos(numbers, val), clusters, held, settings), strict=True))


def test_a_photo_keeps_its_split_whatever_comes_beside_it() -> None:
    alone = splits_of(range(100))
    assert set(alone.values()) == {"train", "validation"}
    more = splits_of([*range(500, 900), *range(99, -1, -1)])
    assert {n: more[n] for n in alone} == alone


def test_the_share_of_validation_is_as_set() -> None:
    found = list(splits_of(range(4000), settings=Splits(validation=0.05)).values())
    assert found.count("validation") / len(found) == pytest.approx(0.05, abs=0.015)
    assert set(splits_of(range(50), settings=Splits(validation=0)).values()) == {"train"}


def test_raising_the_share_moves_photos_only_into_validation() -> None:
    before, after = (splits_of(range(300), settings=Splits(validation=share)) for share in (0.1, 0.4))
    assert all(after[n] == "validation" for n, split in before.items() if split == "validation")


def test_another_salt_is_another_division() -> None:
    assert splits_of(range(100)) != splits_of(range(100), settings=Splits(validation=0.3, salt="other"))


def test_val2017_and_held_out_sources_are_test() -> None:
    found = splits_of(range(40), val=[1, 2], held_out=[3])
    assert {n for n, split in found.items() if split == "test"} == {1, 2, 3}


def test_clusters_stay_together_and_follow_the_test_photos() -> None:
    groups = [[n, n + 50] for n in range(50)]
    found = splits_of(range(100), together=groups, val=[7])
    assert all(found[a] == found[b] for a, b in groups)
    assert found[57] == "test"


def test_a_cluster_has_the_split_of_its_first_photo() -> None:
    """So that a near-duplicate that is added later, under a higher number, moves nothing."""
    before = splits_of(range(50))
    after = splits_of(range(100), together=[[n, n + 50] for n in range(50)])
    assert {n: after[n] for n in range(50)} == before


def variants(content: bytes) -> dict[str, bytes]:
    """The same photo as others save it."""
    pixels = decode_photo(content)
    height, width = pixels.shape[:2]
    half = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    encoded = {
        "quality 40": cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 40])[1],
        "png": cv2.imencode(".png", pixels)[1],
        "half size": cv2.imencode(".jpg", half)[1],
        "brighter": cv2.imencode(".jpg", cv2.convertScaleAbs(pixels, alpha=1.03, beta=3))[1],
        "grey": cv2.imencode(".jpg", grey)[1],
    }
    return {name: bytes(buffer.tobytes()) for name, buffer in encoded.items()}


def hashes_of(contents: Sequence[bytes]) -> NDArray[np.uint64]:
    return np.array([perceptual_hash(content) for content in contents], dtype=np.uint64)


def test_a_photo_saved_anew_is_a_near_duplicate_and_another_photo_is_none() -> None:
    first, others = drawn_photo("first", 640, 480), [drawn_photo(f"other {n}") for n in range(20)]
    saved = variants(first)
    clusters = near_duplicates(hashes_of([first, *saved.values(), *others]), Splits().near_duplicate)
    assert len(set(clusters[: len(saved) + 1])) == 1, dict(zip(saved, clusters[1:], strict=False))
    assert len(set(clusters)) == 1 + len(others)


def test_near_duplicates_chain_within_the_distance_and_not_beyond() -> None:
    hashes = np.array([0b1, 0b11111, 0b111111111, (1 << 63) | (0xFFFF << 30)], dtype=np.uint64)
    assert len(set(near_duplicates(hashes, 4).tolist())) == 2
    assert len(set(near_duplicates(hashes, 3).tolist())) == 4


@pytest.mark.parametrize("distance", [0, 1, 4, 7, 12])
def test_banding_finds_every_pair_that_comparing_all_finds(distance: int) -> None:
    random = np.random.default_rng(distance)
    base = random.integers(1, 2**63, 60, dtype=np.uint64)
    flips = [sum(1 << int(b) for b in random.choice(64, random.integers(0, 14), replace=False)) for _ in base]
    hashes = np.concatenate([base, base ^ np.array(flips, dtype=np.uint64)])
    clusters = near_duplicates(hashes, distance)
    close = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= distance
    assert (clusters[:, None] == clusters[None, :])[close].all()
    assert len(set(clusters.tolist())) >= 60 - 5


@pytest.mark.parametrize("distance", [0, 3, 4])
def test_clusters_are_those_of_all_pairs(distance: int) -> None:
    random = np.random.default_rng(7)
    base = random.integers(0, 2**64, 300, dtype=np.uint64)
    near = [base ^ (np.uint64(1) << random.integers(0, 64, 300).astype(np.uint64)) for _ in range(3)]
    hashes = random.permutation(np.concatenate([base, base[:50], *near, np.zeros(5, dtype=np.uint64)]))
    decoded = (hashes != 0)[:, None] & (hashes != 0)[None, :]
    close = (np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= distance) & decoded
    expected = connected_components(csr_matrix(close), directed=False)[1]
    assert near_duplicates(hashes, distance).tolist() == expected.tolist()


MANY = 200_000
CROWDS = {
    "equal": np.full(MANY, 12345, dtype=np.uint64),
    "two pictures": np.tile(np.array([0xFFFF, 2**60], dtype=np.uint64), MANY // 2),
    "one burst": np.random.default_rng(0).integers(1, 2**11, MANY, dtype=np.uint64),
    "undecodable": np.zeros(MANY, dtype=np.uint64),
}


@pytest.mark.parametrize(("crowd", "clusters"), zip(CROWDS, (1, 2, 1, MANY), strict=True))
def test_many_photos_that_look_alike_take_little_memory(crowd: str, clusters: int) -> None:
    tracemalloc.start()
    found = near_duplicates(CROWDS[crowd], 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(found.tolist())) == clusters
    assert peak < 200 * 2**20
    assert like_any(CROWDS[crowd], CROWDS[crowd][:2000], 4).all() == (crowd != "undecodable")


def test_photos_that_cannot_be_decoded_are_like_none() -> None:
    assert perceptual_hash(b"not a photo") is None
    hashes = np.zeros(3, dtype=np.uint64)
    assert len(set(near_duplicates(hashes, 4).tolist())) == 3
    assert not like_any(hashes, hashes, 4).any()


def test_like_any_finds_what_a_benchmark_saved_anew(tmp_path: Path) -> None:
    own = [drawn_photo(f"own {n}") for n in range(4)]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "item.PNG").write_bytes(variants(own[2])["png"])
    (tmp_path / "item.jpg").write_bytes(drawn_photo("foreign"))
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    found = like_any(hashes_of(own), hash_folder(tmp_path), 4)
    assert found.tolist() == [False, False, True, False]


@pytest.mark.parametrize("name", ["missing", "empty", "broken"])
def test_a_folder_without_photos_to_compare_with_is_an_error(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    if name != "missing":
        folder.mkdir()
    if name == "broken":
        (folder / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(SourceError, match=f"{name}: contains no photo to compare with"):
        hash_folder(folder)


def test_hashes_are_kept_and_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"{n:012d}.jpg").write_bytes(drawn_photo(f"photo {n}"))
    store, cache = open_photos(tmp_path), tmp_path / "facts.npz"
    first = photo_facts(photos(range(3)), [store], cache, Processes(2)).hashes
    unread = Unread(store)
    assert photo_facts(photos(range(3)), [unread], cache, Processes(1)).hashes.tolist() == first.tolist()
    cache.write_bytes(cache.read_bytes()[:40])
    again = photo_facts(photos(range(1, 3)), [store], cache, Processes(1)).hashes
    assert again.tolist() == first[1:].tolist()


class Unread:
    """Existing photos that must not be read."""

    def __init__(self, store: PhotoStore) -> None:
        self.stamp, self.place, self.size, self.names = store.stamp, store.place, store.size, store.names

    def read(self, file_name: str) -> bytes:
        raise AssertionError(f"{file_name} was read although its hash is known")


@pytest.mark.parametrize("place", ["folder", "zip"])
def test_a_replaced_photo_is_hashed_again(tmp_path: Path, place: str) -> None:
    """Also one of the same name, length, and time of change: what is cached belongs to the content."""
    first, second = drawn_photo("one"), drawn_photo("two")
    length = max(len(first), len(second))
    contents, found = [content.ljust(length, b"\0") for content in (first, second)], []
    for content in contents:
        if place == "zip":
            with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
                archive.writestr(zipfile.ZipInfo("000000000000.jpg"), content)
        else:
            (tmp_path / "000000000000.jpg").write_bytes(content)
            os.utime(tmp_path / "000000000000.jpg", (1, 1))
        store = open_photos(tmp_path / "photos.zip" if place == "zip" else tmp_path)
        found.append(photo_facts(photos([0]), [store], tmp_path / "facts.npz", Processes(1)).hashes[0])
    assert found == [perceptual_hash(content) for content in contents]
    assert found[0] != found[1]


def test_why_a_photo_is_not_shown_is_never_an_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{0:012d}.jpg").write_bytes(drawn_photo("one"))
    cv2.imwrite(str(tmp_path / f"{1:012d}.jpg"), np.full((40, 60, 3), 7, np.uint8))
    store, cache = open_photos(tmp_path), tmp_path / "facts.npz"
    before = photo_facts(photos(range(2)), [store], cache, Processes(1))

    def refuse(content: bytes, **_: object) -> None:
        assert content == store.read(f"{1:012d}.jpg")
        raise UnshownError("another text")

    monkeypatch.setattr("cgc_data.index.facts.perceptual_hash", refuse)
    after = photo_facts(photos(range(2)), [store], cache, Processes(1))
    assert (list(before.faults), list(after.faults)) == (
        ["", "only one color; replace the photo"],
        ["", "another text"],
    )
    assert after.hashes.tolist() == before.hashes.tolist()


def test_a_cache_of_another_form_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / f"{0:012d}.jpg").write_bytes(drawn_photo("one"))
    store, cache = open_photos(tmp_path), tmp_path / "facts.npz"
    name, none = np.array([store.stamp(f"{0:012d}.jpg")]), np.zeros(1, np.uint64)
    np.savez(cache, stamp=name, hash=none, form=np.array([""]), place=np.ones((1, 3), int), fault=np.array(["old"]))
    facts = photo_facts(photos([0]), [store], cache, Processes(1))
    assert (list(facts.faults), facts.hashes[0] != 0) == ([""], True)


def test_a_photo_that_was_mended_is_hashed_again(tmp_path: Path) -> None:
    file, cache = tmp_path / "000000000000.jpg", tmp_path / "facts.npz"
    for content, known in ((b"broken", False), (drawn_photo("mended"), True)):
        file.write_bytes(content)
        assert (photo_facts(photos([0]), [open_photos(tmp_path)], cache, Processes(1)).hashes != 0).all() == known
