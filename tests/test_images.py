"""Reading, letterboxing and mapping back, against numbers worked by hand and other implementations."""

import struct
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_fixtures import draw_bone
from PIL import Image, ImageOps

from bonexray.errors import ImageError
from bonexray.geometry import letterbox, spread
from bonexray.images import read_image, read_picture
from bonexray.picture import Picture
from bonexray.reading import prepare, read_ahead


def grey(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random image, uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def test_path_image_and_array_give_the_same_pixels(tmp_path: Path) -> None:
    """The three kinds of input are one."""
    pixels = grey(40, 30)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    for image in (tmp_path / "x.png", str(tmp_path / "x.png"), Image.fromarray(pixels), pixels, pixels[..., None]):
        np.testing.assert_array_equal(read_image(image), pixels)


def test_the_exif_tag_turns_the_image_upright(tmp_path: Path) -> None:
    """Orientation 6 means: rotate a quarter clockwise to view."""
    pixels = grey(40, 30)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), np.rot90(pixels, -1))


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_turned_as_pillow_turns_it(tmp_path: Path, orientation: int) -> None:
    """And what is no orientation turns nothing."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey(40, 30)).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        np.testing.assert_array_equal(read_image(tmp_path / "x.png"), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize(
    "exif",
    [
        # Little-endian TIFF with two entries: orientation 6, and a resolution that is text instead of a fraction.
        b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x1a\x01\x02\0\x03\0\0\x0072\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    ],
    ids=["another tag damaged", "sound"],
)
def test_a_damaged_tag_beside_the_orientation_harms_nothing(tmp_path: Path, exif: bytes) -> None:
    """Other programs show such a picture, and turn it."""
    pixels = grey(40, 30)
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), np.rot90(pixels, -1))


def test_damage_in_the_exif_block_alone_harms_nothing(tmp_path: Path) -> None:
    """What cannot be parsed turns nothing."""
    Image.fromarray(grey(40, 30)).save(tmp_path / "x.png", exif=b"Exif\0\0no TIFF at all")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), grey(40, 30))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_that_counts_from_white_is_read_bright_on_dark(tmp_path: Path, dtype: type) -> None:
    """Pillow inverts 8 bits and gives 16 as they are."""
    pixels = grey(40, 30).astype(dtype) * (257 if dtype == np.uint16 else 1)
    Image.fromarray(np.iinfo(dtype).max - pixels).save(tmp_path / "x.tif")
    content, black_is_zero = (tmp_path / "x.tif").read_bytes(), struct.pack("<HHIH", 262, 3, 1, 1)
    assert content.count(black_is_zero) == 1
    (tmp_path / "x.tif").write_bytes(content.replace(black_is_zero, struct.pack("<HHIH", 262, 3, 1, 0)))
    np.testing.assert_allclose(read_image(tmp_path / "x.tif"), read_image(pixels), atol=1e-3)
    np.testing.assert_allclose(read_image(Image.open(tmp_path / "x.tif")), read_image(pixels), atol=1e-3)


def test_whatever_a_decoder_raises_is_an_image_error(broken_tiff: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where Pillow raises what no image library should, and on an image that the caller has opened."""
    for image in (broken_tiff, Image.open(broken_tiff)):
        with pytest.raises(ImageError, match=r"cannot be decoded as an image: \S"):
            read_image(image)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(ImageError, match="cannot be decoded as an image: MemoryError") as caught:
        read_image(broken_tiff)
    assert caught.value.kind == "large"


def test_an_opened_image_may_be_given_many_times(tmp_path: Path) -> None:
    """Pillow decodes it when it is first needed: not in two threads at once."""
    Image.fromarray(grey(1500, 1400)).save(tmp_path / "x.png")
    for _ in range(5):
        image = Image.open(tmp_path / "x.png")
        answers = list(read_ahead([image] * 4, read_image))
        for answer in answers:
            np.testing.assert_array_equal(answer, grey(1500, 1400))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_wide_integers_that_hold_bytes_are_those_bytes(dtype: type) -> None:
    """What `astype(int)` or a list of lists makes of 8-bit pixels is no other picture."""
    pixels = (grey(40, 30) // 4 + 20).astype(np.uint8)
    np.testing.assert_array_equal(read_image(pixels.astype(dtype)), pixels)
    rgb = np.repeat(pixels[..., None], 3, axis=-1)
    np.testing.assert_array_equal(read_image(rgb.astype(dtype)), pixels)


def test_colour_palette_and_alpha_become_luma_over_black() -> None:
    """White is 255, pure red 76 (0.299 x 255), a transparent pixel black."""
    rgb = Image.new("RGB", (2, 1), "white")
    rgb.putpixel((1, 0), (255, 0, 0))
    assert read_image(rgb).tolist() == [[255, 76]]
    assert read_image(rgb.quantize(4)).tolist() == [[255, 76]]
    rgba = rgb.convert("RGBA")
    rgba.putpixel((0, 0), (255, 255, 255, 0))
    assert read_image(rgba).tolist() == [[0, 76]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32])
def test_more_than_eight_bits_are_stretched(dtype: type) -> None:
    """The least value is black, the greatest white."""
    deep = np.array([[1000, 2000], [1500, 1000]], dtype)
    np.testing.assert_allclose(read_image(deep), [[0, 255], [127.5, 0]], rtol=1e-6)


def test_a_sixteen_bit_file_is_stretched_like_its_array(tmp_path: Path) -> None:
    """PNG keeps 16 bits."""
    deep = grey(20, 20).astype(np.uint16) * 16 + 5
    Image.fromarray(deep).save(tmp_path / "x.png")
    np.testing.assert_allclose(read_image(tmp_path / "x.png"), read_image(deep), atol=1e-4)


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (np.zeros((2, 2, 5), np.uint8), r"\(2, 2, 5\)"),
        (np.zeros((0, 3), np.uint8), r"\(0, 3\)"),
        (np.full((2, 2), np.nan), "nan"),
        (np.full((2, 2), 300.0), "300"),
        (np.full((2, 2), -1.0), "-1"),
        (np.full((2, 2), 0.5), r"0\.5.*not 0\.\.1"),
        (7, "int"),
        (np.full((2, 2), 1j), "complex128"),
        (np.full((2, 2), "a"), "<U1"),
        (Image.new("L", (0, 5)), "0 x 5"),
        ("nowhere.jpg", "nowhere.jpg does not exist"),
        ("x" * 300, "cannot be opened"),
        ("a\0b", "cannot be opened: embedded null byte"),
        (np.zeros((2, 2), np.int8), "int8"),
        (".", "is a folder"),
    ],
)
def test_bad_input_is_named_in_one_line(image: object, named: str) -> None:
    """The message holds the offending value."""
    with pytest.raises(ImageError, match=named) as caught:
        read_image(image)  # pyright: ignore[reportArgumentType] - wrong on purpose
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [(b"not an image", "no image"), (b"", "no image"), (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS")],
)
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    """Text, nothing, and a Git LFS pointer."""
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=f"x.jpg.*{named}"):
        read_image(tmp_path / "x.jpg")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    """Half a JPEG has a good header."""
    Image.fromarray(grey(200, 200)).save(tmp_path / "x.jpg")
    content = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match=r"x\.jpg cannot be decoded"):
        read_image(tmp_path / "x.jpg")


def test_nothing_but_pictures_is_opened(tmp_path: Path) -> None:
    """Pillow would start Ghostscript for PostScript."""
    (tmp_path / "x.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n")
    with pytest.raises(ImageError, match=r"x\.jpg is no image"):
        read_image(tmp_path / "x.jpg")


def test_colour_and_alpha_mean_the_same_in_every_kind_of_array() -> None:
    """Equal channels give just their value; alpha lies over black, also where nobody sees 8 bits."""
    pixels = grey(30, 40)
    same = np.repeat(pixels[..., None], 3, axis=-1)
    np.testing.assert_array_equal(read_image(same.astype(np.float32)), pixels)
    clear = np.concatenate([same, np.where(pixels > 99, 255, 0).astype(np.uint8)[..., None]], axis=-1)
    np.testing.assert_array_equal(read_image(clear.astype(np.float32)), read_image(clear))
    deep = read_image(clear.astype(np.uint16) * 257)
    np.testing.assert_allclose(deep, read_image(clear) * (255 / read_image(clear).max()), atol=1e-3)


def test_eight_bits_and_floats_look_alike() -> None:
    """To the gate, which is fitted to files of 8 bits: whole grey levels of the thumbnail."""
    pixels = grey(700, 500)
    looks = [read_picture(one).looks for one in (pixels, pixels.astype(np.float32))]
    np.testing.assert_allclose(looks[1].facts[:7], looks[0].facts[:7], atol=1)  # percentiles, grey levels
    np.testing.assert_allclose(looks[1].facts[7:], looks[0].facts[7:], atol=0.05)


def test_a_turned_picture_that_becomes_square_is_still_turned(tmp_path: Path) -> None:
    """4003 x 4001 pixels are 501 x 501 at an eighth; the shape is that of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey(4001, 4003)).save(tmp_path / "x.jpg", exif=exif)
    assert read_picture(tmp_path / "x.jpg", 500).grey.shape == (501, 501)
    assert read_picture(tmp_path / "x.jpg", 500).shape == read_image(tmp_path / "x.jpg").shape == (4003, 4001)


@pytest.mark.parametrize("kind", ["gif", "png", "tiff", "webp"])
def test_a_file_of_several_pictures_is_refused(tmp_path: Path, kind: str) -> None:
    """Rather than judged by its first alone; one frame is fine, and so is the preview that a camera puts beside."""
    frames = [Image.fromarray(grey(20 + index, 30)).crop((0, 0, 20, 20)) for index in range(3)]
    frames[0].save(tmp_path / f"one.{kind}", save_all=True)
    assert read_image(tmp_path / f"one.{kind}").shape == (20, 20)
    frames[0].save(tmp_path / f"x.{kind}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=rf"^\S+x\.{kind} holds 3 pictures: expected one$") as caught:
        read_image(tmp_path / f"x.{kind}")
    assert caught.value.kind == "several"
    frames[0].save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "x.jpg").shape == (20, 20)


@pytest.mark.parametrize("shape", [(300, 200), (200, 301), (224, 224), (60, 90), (1000, 1), (1, 7)])
def test_the_letterbox_pads_to_a_square_then_shrinks(shape: tuple[int, int]) -> None:
    """As padding the whole image first, to within the rounding of each pass."""
    pixels, side = grey(*shape), max(shape)
    pads = [((side - length) // 2,) * 2 for length in shape]
    square = Image.fromarray(np.pad(pixels, pads))
    expected = np.asarray(square.resize((224, 224), Image.Resampling.BILINEAR), float)
    assert np.abs(letterbox(pixels, 224) - expected).max() <= 1.5


def test_a_thin_strip_costs_little_memory() -> None:
    """1 x 100,000 pixels would be a square of ten gigapixels."""
    assert letterbox(np.full((1, 100_000), 200, np.uint8), 224).shape == (224, 224)


def test_the_map_lies_over_the_image_without_its_letterbox() -> None:
    """The middle rows of a 4x4 map cover an image twice as wide as high."""
    cells = np.repeat(np.array([9.0, 1.0, 3.0, 9.0], np.float32)[:, None], 4, axis=1)
    over = spread(cells, (100, 200))
    assert over.shape == (100, 200)
    assert over.dtype == np.float32
    # Rows 0 and 99 lie at 1.01 and 2.99 cells; the cells' centres are at 0.5, 1.5, 2.5, 3.5.
    np.testing.assert_allclose(over[[0, 99], 0], [9 - 8 * 0.51, 3 + 6 * 0.49], atol=1e-3)
    np.testing.assert_allclose(over[[49, 50], 100].mean(), 2.0, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (90, 400), (2000, 1300), (3, 9000)])
def test_the_map_is_the_product_of_its_axes(shape: tuple[int, int]) -> None:
    """In blocks of rows or not: each pixel as `einsum` has it in float64."""
    cells = np.random.default_rng(0).standard_normal((10, 10)).astype(np.float32)
    over = spread(cells, shape)
    unit = np.eye(10, dtype=np.float32)
    down = np.stack([spread(np.repeat(row[:, None], 10, axis=1), shape)[:, 0] for row in unit])
    across = np.stack([spread(np.repeat(row[None], 10, axis=0), shape)[0] for row in unit])
    np.testing.assert_allclose(over, np.einsum("hy,hw,wx->yx", down.astype(float), cells, across), atol=1e-5)


def test_a_map_of_one_value_stays_that_value_everywhere() -> None:
    """No border leaks in."""
    for shape in [(37, 11), (3, 500), (1, 1)]:
        np.testing.assert_allclose(spread(np.full((7, 7), 2.5, np.float32), shape), 2.5)


def test_a_helper_describes_a_picture_once_and_as_nobody_else_would() -> None:
    """Begun twice, asked for twice: one description, the same as without a helper."""
    pixels, calls = grey(90, 70), []

    class Helper(ThreadPoolExecutor):
        def submit(self, *arguments: Any) -> Future[Any]:  # type: ignore[override]  # noqa: ANN401 - as its own
            calls.append(arguments)
            return super().submit(*arguments)

    picture = read_picture(pixels)
    with Helper(1) as helper:
        picture.look(helper)
        picture.look(helper)
    assert picture.looks is picture.looks
    assert len(calls) == 1
    np.testing.assert_array_equal(picture.looks.facts, read_picture(pixels).looks.facts)


def test_a_large_picture_is_described_while_it_is_letterboxed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one afterwards, and none where there is no gate."""
    done: list[str] = []
    monkeypatch.setattr(Picture, "look", lambda _picture, _helper: done.append("look"))
    monkeypatch.setattr("bonexray.reading.letterbox", lambda *_given: done.append("letterbox"))
    for side, looks, expected in [(600, True, "look"), (300, True, "letterbox"), (600, False, "letterbox")]:
        done.clear()
        prepare(grey(side, side), 64, 256, looks=looks)
        assert done[0] == expected and ("look" in done) == looks


def test_an_image_that_is_given_is_left_as_it_was(tmp_path: Path) -> None:
    """Its pixels, mode and size; and what was read does not change with it."""
    image = Image.fromarray(grey(40, 30))
    read = read_image(image)
    before = read.copy()
    image.paste(9, (0, 0, 30, 40))
    np.testing.assert_array_equal(read, before)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as opened:
        assert read_image(opened).shape == (30, 40)
        assert opened.size == (30, 40) and opened.getexif()[0x0112] == 6


@pytest.mark.parametrize("turn", [1, 6])
def test_a_huge_jpeg_is_decoded_small_and_means_the_same(tmp_path: Path, turn: int) -> None:
    """A quarter of the sides: the letterboxed pixels differ by under one grey level on average, the shape is whole."""
    path = tmp_path / "huge.jpg"
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(draw_bone(4000, 3600, seed=7, broken=True)).save(path, quality=92, exif=exif)
    whole = read_image(path)
    picture = read_picture(path, 896)
    reduced, shape = picture.grey, picture.shape
    assert shape == whole.shape == ((4000, 3600) if turn == 1 else (3600, 4000))
    assert reduced.shape == (whole.shape[0] // 4, whole.shape[1] // 4)
    difference = np.abs(letterbox(reduced, 224) - letterbox(whole, 224))
    assert difference.mean() < 1
    small = read_picture(path, 2500).grey
    assert np.array_equal(small, whole)


@pytest.mark.parametrize("name", ["cut.webp", "huge.png"])
def test_a_file_that_breaks_while_it_is_opened_is_named(tmp_path: Path, name: str) -> None:
    """A WebP that was cut off, and a header that promises more pixels than fit in memory."""
    path = tmp_path / name
    Image.new("L", (40, 30)).save(path)
    content = bytearray(path.read_bytes())
    if name == "huge.png":
        content[16:24] = struct.pack(">II", 60_000, 60_000)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content if name == "huge.png" else content[:20])
    with pytest.raises(ImageError, match=name):
        read_image(path)
