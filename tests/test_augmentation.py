"""What is done to training images."""

from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray

from training.learning.augmentation import build_augmentation
from training.learning.batches import image_batches
from training.learning.recipe import Recipe

PLAIN = replace(
    Recipe(), image_size=64, stored_size=64, rotation=0.0, crop=0.0, zoom=0.0, flip=False, brightness=0.0, contrast=0.0
)


def bars(count: int) -> NDArray[np.uint8]:
    """Draw an upright bar in the middle, `count` times over."""
    images = np.zeros((count, 64, 64, 1), np.uint8)
    images[:, 8:56, 30:34] = 200
    return images


def changed(recipe: Recipe, count: int = 200) -> NDArray[np.float32]:
    """Augment bars."""
    return build_augmentation(recipe)(bars(count)).numpy()


def lying(images: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say which bars are wider than they are tall."""
    tall, wide = ((images[..., 0].max(axis) > 100).sum(1) for axis in (2, 1))
    return wide > tall


def test_a_recipe_without_changes_changes_nothing() -> None:
    """Not a grey level."""
    np.testing.assert_array_equal(changed(PLAIN, 4), bars(4))


def test_views_are_turned_as_far_as_the_recipe_says() -> None:
    """A bar that may turn a quarter either way lies as often as it stands; one that may turn little never lies."""
    assert 0.3 < lying(changed(replace(PLAIN, rotation=0.25))).mean() < 0.7
    assert not lying(changed(replace(PLAIN, rotation=0.06))).any()


def test_values_stay_in_range() -> None:
    """Brightness and contrast are clipped, corners are filled with black."""
    found = changed(replace(PLAIN, brightness=0.9, contrast=0.9, rotation=0.5))
    assert found.min() >= 0
    assert found.max() <= 255
    assert changed(replace(PLAIN, rotation=0.5))[:, 0, 0].max() == 0


def test_the_seed_alone_decides_the_views() -> None:
    """Of many batches, every pixel; a seed of 0, the default, as well as any other."""
    pixels = np.random.default_rng(0).integers(0, 256, (160, 64, 64), np.uint8)

    def views(seed: int) -> NDArray[np.float32]:
        keras.utils.set_random_seed(seed)  # as a training begins
        step = build_augmentation(Recipe(image_size=64, stored_size=64, seed=seed))
        return np.concatenate(
            [np.asarray(batch) for batch in image_batches(pixels, np.arange(160), step, 8, drawn=True)]
        )

    once = views(0)
    np.testing.assert_array_equal(views(0), once)
    assert (views(1) != once).mean() > 0.5


def test_views_are_zoomed_either_way() -> None:
    """The bright part of an image takes more and less of its views, about as often; black comes in at the sides."""
    images = np.full((200, 64, 64, 1), 200, np.uint8)
    images[:, :16] = images[:, -16:] = images[:, :, :16] = images[:, :, -16:] = 0
    views = build_augmentation(replace(PLAIN, zoom=0.15))(images).numpy()
    bright = (views[..., 0] > 100).mean((1, 2)) / 0.25
    assert 0.7 < bright.min() < 0.85 < 1.2 < bright.max() < 1.45
    assert 0.35 < (bright > 1).mean() < 0.65
