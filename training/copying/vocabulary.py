"""Visual words: which images share many local features, found without comparing each with each in full."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

from training.copying.keypoints import Features

WORDS = 2000
SAMPLE = 50_000  # descriptors that the words are learnt from
IMAGES = 80  # whose descriptors are assigned at once


def weigh_words(images: list[Features], seed: int = 0) -> csr_array:
    """Weigh the visual words of each image by tf-idf: sparse, shape (images, words), rows of length 1.

    Two rows' dot product is the likeness of two images, whatever their turn and scale (Sivic and Zisserman 2003).
    """
    counts = np.array([len(image.points) for image in images])
    centres = learn_words(draw_sample(images, counts, seed), seed)
    # A few images at a time: the descriptors of 10,000 in one array are another 0.6 GB.
    blocks = (images[start : start + IMAGES] for start in range(0, len(images), IMAGES))
    words = np.concatenate([assign(np.concatenate([one.descriptors for one in block]), centres) for block in blocks])
    owner = np.repeat(np.arange(len(images)), counts)
    table = csr_array((np.ones(len(words), np.float32), (owner, words)), shape=(len(images), int(words.max()) + 1))
    rarity = np.log((len(images) + 1) / ((table > 0).sum(0) + 1)) + 1e-3
    table.data = np.sqrt(table.data)
    weighed = csr_array(table.multiply(rarity[None, :]))
    length = np.sqrt(weighed.multiply(weighed).sum(1))
    return csr_array(weighed.multiply(1 / np.maximum(length, 1e-9)[:, None]), dtype=np.float32)


def draw_sample(images: list[Features], counts: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """Draw descriptors of all images at random: at most `SAMPLE`, shape (drawn, 128)."""
    drawn = np.random.default_rng(seed).permutation(int(counts.sum()))[:SAMPLE]
    ends = np.cumsum(counts)
    owner = np.searchsorted(ends, drawn, side="right")
    place = drawn - (ends - counts)[owner]
    return np.array([images[o].descriptors[p] for o, p in zip(owner, place, strict=True)], np.float32)


def learn_words(sample: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Cluster a sample of descriptors: centres, shape (words, 128)."""
    words = max(1, min(WORDS, len(sample) // 10))
    clusters = MiniBatchKMeans(
        words, init=sample[:words], n_init=1, batch_size=8192, max_iter=4, max_no_improvement=None, random_state=seed
    )
    return clusters.fit(sample).cluster_centers_


def assign(descriptors: NDArray, centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the nearest centre of each descriptor, shape (descriptors,)."""
    return (descriptors.astype(np.float32) @ centres.T - (centres**2).sum(1) / 2).argmax(1)
