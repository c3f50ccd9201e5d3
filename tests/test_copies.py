"""Copies planted among generated radiograph-like images are found, and nothing else is."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bonexray.errors import ImageError
from training.copying.copies import find_copies
from training.copying.keypoints import describe, match
from training.copying.perceptual import hash_orientations, near_pairs
from training.copying.sources import merge_sources, read_table, read_with_copies
from training.data.components import connected
from training.data.facts import read_facts

SHAPE = (300, 260)


def draw(seed: int) -> NDArray[np.uint8]:
    """Draw a dark field with a few bright bones and a texture of several scales, which no other seed shares."""
    random = np.random.default_rng(seed)
    image = np.full(SHAPE, 20, np.float32)
    for _ in range(6):
        start, end = random.uniform(0.1, 0.9, (2, 2)) * SHAPE[::-1]
        cv2.line(image, [round(v) for v in start], [round(v) for v in end], float(random.uniform(90, 180)), 22)
    for scale in (2, 4, 9):
        noise = cv2.GaussianBlur(random.normal(size=SHAPE).astype(np.float32), (0, 0), scale)
        image += 22 * noise / noise.std()
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1), 0, 255).astype(np.uint8)


def turn(image: NDArray[np.uint8], degrees: float, scale: float = 1.0) -> NDArray[np.uint8]:
    """Turn and scale about the middle; what comes from outside is black."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA), np.uint8)


def write(folder: Path, images: dict[str, NDArray[np.uint8]], quality: int = 90) -> pd.DataFrame:
    """Write images as JPEG into one folder, and list them with `file` and `path`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return pd.DataFrame({"file": list(images), "path": [str(folder / name) for name in images]})


def kinds(pairs: pd.DataFrame) -> dict[frozenset[str], str]:
    """Give the kind of each pair that was found."""
    return {frozenset((a, b)): kind for a, b, kind in pairs[["file_a", "file_b", "kind"]].itertuples(index=False)}


def test_every_planted_copy_is_found_and_no_other_pair(tmp_path: Path) -> None:
    """The same bytes, the same pixels, a mirror image, a turned one, a crop and a greyed one, among strangers."""
    strangers = {f"stranger{seed}.jpg": draw(100 + seed) for seed in range(12)}
    originals = [draw(seed) for seed in range(6)]
    table = write(tmp_path, {
        "a.jpg": originals[0], "a-again.jpg": originals[0],
        "c.jpg": originals[2], "c-mirror.jpg": originals[2][:, ::-1],
        "d.jpg": originals[3], "d-turned.jpg": turn(originals[3], 37),
        "e.jpg": originals[4], "e-crop.jpg": cv2.resize(originals[4][50:260, 40:230], None, fx=1.4, fy=1.4),
        "f.jpg": originals[5], "f-grey.jpg": (255 * (turn(originals[5], -110) / 255.0) ** 0.6 * 0.8).astype(np.uint8),
        **strangers,
    })  # fmt: skip
    cv2.imwrite(str(tmp_path / "b.png"), originals[1])
    cv2.imwrite(str(tmp_path / "b.bmp"), originals[1])
    pixels = pd.DataFrame({"file": ["b.png", "b.bmp"], "path": [str(tmp_path / name) for name in ("b.png", "b.bmp")]})
    found = kinds(find_copies(pd.concat([table, pixels], ignore_index=True)))
    assert found == {
        frozenset(("a.jpg", "a-again.jpg")): "same file",
        frozenset(("b.png", "b.bmp")): "same pixels",
        frozenset(("c.jpg", "c-mirror.jpg")): "near",
        frozenset(("d.jpg", "d-turned.jpg")): "transformed",
        frozenset(("e.jpg", "e-crop.jpg")): "transformed",
        frozenset(("f.jpg", "f-grey.jpg")): "transformed",
    }


@pytest.mark.parametrize(("degrees", "scale"), [(17, 1.0), (90, 0.9), (-133, 1.2)])
def test_the_turn_and_the_scale_are_measured(degrees: float, scale: float) -> None:
    """What `match` says of a turned copy is how it was turned."""
    image = draw(7)
    found = match(describe(image), describe(turn(image, degrees, scale)))
    assert found.same
    # OpenCV turns against the clock, while in image coordinates (y down) a positive angle turns with it.
    assert found.degrees == pytest.approx(-degrees, abs=1)
    assert found.scale == pytest.approx(scale, rel=0.03)


def test_a_shared_marker_is_no_copy() -> None:
    """Two radiographs with the same burnt-in letters are two radiographs."""
    first, second = draw(8), draw(9)
    for image in (first, second):
        cv2.putText(image, "RA92", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 4)
    assert not match(describe(first), describe(second)).same


def test_an_empty_image_matches_nothing() -> None:
    """Without a keypoint there is no match, and no error."""
    black = np.zeros((50, 400), np.uint8)
    assert not match(describe(black), describe(draw(1))).same


@pytest.mark.parametrize("times", range(4))
def test_hashes_see_through_turns_and_mirrors(times: int) -> None:
    """An image and its turns and mirrors differ in no more bits than are allowed; a stranger does."""
    image = draw(3)
    hashes = np.stack([hash_orientations(face) for face in (image, np.rot90(image[:, ::-1], times), draw(4))])
    pairs = near_pairs(hashes)
    assert pairs[["a", "b"]].to_numpy().tolist() == [[0, 1]]


def test_flat_images_are_copies_of_nothing() -> None:
    """Two images without content, grey and nearly black, look alike to any hash, and say nothing of an origin."""
    flat = [np.full(SHAPE, 90, np.uint8), np.full(SHAPE, 3, np.uint8), draw(3)]
    assert near_pairs(np.stack([hash_orientations(image) for image in flat])).empty


def test_components_follow_chains() -> None:
    """Nodes are together when a chain of edges joins them: 0-1-2 and 3-4, with 5 alone."""
    assert connected([0, 1, 4], [1, 2, 3], 6).tolist() == [0, 0, 0, 1, 1, 2]


def test_merged_sources_keep_the_least_name() -> None:
    """A pair joins the whole groups of its two images."""
    table = pd.DataFrame({"file": list("vwxyz"), "source_group": ["9", "9", "8", "7", "6"]})
    pairs = pd.DataFrame({"file_a": ["w", "x"], "file_b": ["x", "y"]})
    assert merge_sources(table, pairs)["source_group"].tolist() == ["7", "7", "7", "7", "6"]
    assert merge_sources(table, pairs.iloc[:0])["source_group"].tolist() == table["source_group"].tolist()


def test_unreadable_files_are_facts_not_errors(tmp_path: Path) -> None:
    """Facts name an empty, a truncated and a foreign file, and the search leaves them out."""
    table = write(tmp_path, {name: draw(0) for name in ("good.jpg", "cut.jpg", "empty.jpg", "text.jpg")})
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no image")
    facts = read_facts(table)
    assert facts["problem"].tolist() == ["", "truncated", "empty", "unreadable"]
    assert facts.loc[0, ["format", "mode"]].tolist() == ["JPEG", "L"]
    assert find_copies(table, facts).empty


def test_a_file_that_would_fill_the_memory_is_a_fact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Pillow refuses to open for its size is called too large."""
    table = write(tmp_path, {"huge.png": draw(0)})
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    assert read_facts(table)["problem"].tolist() == ["too large"]


def test_damaged_images_are_counted_before_a_training(tmp_path: Path) -> None:
    """A file that opens and cannot be decoded to its end is named at once, not after minutes."""
    folder = tmp_path / "set"
    table = write(folder / "images", {name: draw(seed) for seed, name in enumerate(("a.jpg", "b.jpg", "c.jpg"))})
    labels = ["fractured", "not fractured", "fractured"]
    table.assign(label=labels, source_group=table["file"]).to_csv(folder / "manifest.csv", index=False)
    cut = folder / "images" / "c.jpg"
    cut.write_bytes(cut.read_bytes()[:3000])
    with pytest.raises(ImageError, match=r"1 of 3 images cannot be decoded, the first c.jpg \(truncated\)"):
        read_with_copies(str(folder), tmp_path / "cache")


def test_plain_facts_are_those_worked_by_hand(tmp_path: Path) -> None:
    """Half black, half white: mean 127.5, spread 127.5, shares a half each."""
    image = np.zeros((4, 8), np.uint8)
    image[:, 4:] = 255
    cv2.imwrite(str(tmp_path / "half.png"), image)
    table = pd.DataFrame({"file": ["half.png"], "path": [str(tmp_path / "half.png")]})
    facts = read_facts(table).iloc[0]
    assert facts[["mean", "spread", "black", "white"]].tolist() == [127.5, 127.5, 0.5, 0.5]
    assert facts["edges"] == pytest.approx(255 * 2 / 8)  # two columns of eight beside the step, each 255


def test_resolved_sources_are_read_from_the_cache_the_second_time(tmp_path: Path) -> None:
    """The pairs are kept by fingerprint: once found, nothing is matched again, until an image changes."""
    folder = tmp_path / "set"
    table = write(folder / "images", {"a.jpg": draw(0), "b.jpg": turn(draw(0), 60), "c.jpg": draw(1), "d.jpg": draw(2)})
    labels = ["fractured", "fractured", "not fractured", "not fractured"]
    table.assign(label=labels, source_group=table["file"]).to_csv(folder / "manifest.csv", index=False)
    first, pairs = read_with_copies(str(folder), tmp_path / "cache")
    assert len(pairs) == 1
    assert first["source_group"].tolist() == ["a.jpg", "a.jpg", "c.jpg", "d.jpg"]
    kept = next((tmp_path / "cache" / "copies").glob("*.csv"))
    kept.write_text("file_a,file_b\nc.jpg,d.jpg\n")
    assert read_table(str(folder), tmp_path / "cache")["source_group"].tolist() == ["a.jpg", "b.jpg", "c.jpg", "c.jpg"]
    cv2.imwrite(str(folder / "images" / "d.jpg"), draw(5))
    assert read_table(str(folder), tmp_path / "cache")["source_group"].tolist() == first["source_group"].tolist()
    for old, new in (("b.jpg", "spare"), ("c.jpg", "b.jpg"), ("spare", "c.jpg")):  # the same names, other images
        (folder / "images" / old).rename(folder / "images" / new)
    assert read_table(str(folder), tmp_path / "cache")["source_group"].tolist() == ["a.jpg", "b.jpg", "a.jpg", "d.jpg"]


def test_what_is_read_and_what_is_not_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line on the files that no training sees, one on what names and copies join."""
    folder = tmp_path / "set"
    table = write(folder / "images", {"a.jpg": draw(0), "b.jpg": turn(draw(0), 60), "c.jpg": draw(1), "d.jpg": draw(2)})
    rows = table.assign(label=["fractured", "fractured", "not fractured", "not fractured"], source_group=table["file"])
    rows.iloc[:3].to_csv(folder / "manifest.csv", index=False)
    with caplog.at_level("INFO", "training"):
        read_with_copies(str(folder), tmp_path / "cache")
    assert caplog.messages == [
        "1 files beside the images were not read, the first d.jpg",
        "3 images of 2 sources: 3 by file names or source_group, then copies merged",
    ]
