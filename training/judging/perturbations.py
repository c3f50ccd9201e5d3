"""What may happen to a radiograph on its way to a network, each as a function of its grey pixels."""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Grey = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom, pixels
Perturbation = Callable[[Grey], Grey]

LETTER_SIDE = 0.12  # of the image's shorter side
LETTER_MARGIN = 0.03


def rotate(grey: Grey, degrees: float) -> Grey:
    """Turn counter-clockwise on black, the frame grown so that nothing is cut off."""
    return np.asarray(Image.fromarray(grey).rotate(degrees, Image.Resampling.BILINEAR, expand=True))


def brighten(grey: Grey, shift: float) -> Grey:
    """Add a share of the full range to every pixel."""
    return np.clip(grey + 255 * shift, 0, 255).astype(np.uint8)


def stretch(grey: Grey, factor: float) -> Grey:
    """Multiply the contrast about the image's mean."""
    mean = grey.mean()
    return np.clip(mean + factor * (grey - mean), 0, 255).astype(np.uint8)


def compress(grey: Grey, quality: int) -> Grey:
    """Save as JPEG and read back."""
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def blur(grey: Grey, deviation: float) -> Grey:
    """Blur by a Gaussian, its standard deviation in pixels of an image whose longest side is 320."""
    radius = deviation * max(grey.shape) / 320
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(radius)))


def shrink(grey: Grey, side: int) -> Grey:
    """Shrink to a longest side in pixels, as a thumbnail; an image that is smaller stays as it is."""
    image = Image.fromarray(grey)
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image)


def crop(grey: Grey, keep: float) -> Grey:
    """Keep the central share of either side."""
    height, width = grey.shape
    top, left = (round(side * (1 - keep) / 2) for side in (height, width))
    return grey[top : height - top, left : width - left].copy()


def frame(grey: Grey, level: int, share: float) -> Grey:
    """Put an even margin around the image, as a screenshot has one; its width is a share of the longer side."""
    return np.pad(grey, round(share * max(grey.shape)), constant_values=level)


def flip(grey: Grey) -> Grey:
    """Mirror left to right."""
    return grey[:, ::-1].copy()


def letter_box(shape: tuple[int, int], corner: int) -> Box:
    """Return where `write_letter` writes in an image of (H, W); corners 0..3 go clockwise from the top left."""
    height, width = shape
    side, margin = (round(share * min(shape)) for share in (LETTER_SIDE, LETTER_MARGIN))
    left = margin if corner in (0, 3) else width - margin - side
    top = margin if corner in (0, 1) else height - margin - side
    return left, top, left + side, top + side


def write_letter(grey: Grey, corner: int, text: str = "R") -> Grey:
    """Burn a white side marker into a corner, as technicians do."""
    left, top, right, bottom = letter_box((grey.shape[0], grey.shape[1]), corner)
    image = Image.fromarray(grey)
    font = ImageFont.load_default(max(1, bottom - top))
    ImageDraw.Draw(image).text(((left + right) / 2, (top + bottom) / 2), text, 255, font, anchor="mm")
    return np.asarray(image)


PERTURBATIONS: dict[str, Perturbation] = {
    "none": lambda grey: grey,
    "rotation 5 degrees": partial(rotate, degrees=5),
    "rotation 15 degrees": partial(rotate, degrees=15),
    "rotation 45 degrees": partial(rotate, degrees=45),
    "rotation 90 degrees": partial(rotate, degrees=90),
    "rotation 180 degrees": partial(rotate, degrees=180),
    "flip left to right": flip,
    "brightness -20 %": partial(brighten, shift=-0.2),
    "brightness +20 %": partial(brighten, shift=0.2),
    "contrast x 0.6": partial(stretch, factor=0.6),
    "contrast x 1.5": partial(stretch, factor=1.5),
    "JPEG quality 50": partial(compress, quality=50),
    "JPEG quality 20": partial(compress, quality=20),
    "blur 1 px": partial(blur, deviation=1),
    "blur 2 px": partial(blur, deviation=2),
    "shrunk to 160 px": partial(shrink, side=160),
    "shrunk to 80 px": partial(shrink, side=80),
    "crop to 90 %": partial(crop, keep=0.9),
    "crop to 75 %": partial(crop, keep=0.75),
    "black margin of 10 %": partial(frame, level=0, share=0.1),
    "white margin of 10 %": partial(frame, level=255, share=0.1),
    **{f"letter in corner {corner + 1}": partial(write_letter, corner=corner) for corner in range(4)},
}
LETTERS = {f"letter in corner {corner + 1}": corner for corner in range(4)}
