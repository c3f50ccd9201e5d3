"""Visual words: which images share many local features, found without comparing each with each in full."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

from training.copying.keypoints import Features

WORDS = 2000
SAMPLE = 50_000  # descriptors that the words are learnt from
BLOCK = 20_000  # descriptors assigned at once


def weigh_words(images: list[Features], seed: int = 0) -> csr_array:
    """Weigh the visual words of each image by tf-idf: sparse, shape (images, words), rows of length 1.

    Two rows' dot product is the likeness of two images, whatever their turn and scale (Sivic and Zisserman 2003).
    """
    counts = np.array([len(image.points) for image in images])
    every = np.concatenate([image.descriptors for image in images])
    words = assign(every, learn_words(every, seed))
    owner = np.repeat(np.arange(len(images)), counts)
    table = csr_array((np.ones(len(words), np.float32), (owner, words)), shape=(len(images), int(words.max()) + 1))
    rarity = np.log((len(images) + 1) / ((table > 0).sum(0) + 1)) + 1e-3
    table.data = np.sqrt(table.data)
    weighed = csr_array(table.multiply(rarity[None, :]))
    length = np.sqrt(weighed.multiply(weighed).sum(1))
    return csr_array(weighed.multiply(1 / np.maximum(length, 1e-9)[:, None]), dtype=np.float32)


def learn_words(descriptors: NDArray, seed: int) -> NDArray[np.float32]:
    """Cluster a sample of descriptors: centres, shape (words, 128)."""
    random = np.random.default_rng(seed)
    sample = descriptors[random.permutation(len(descriptors))[:SAMPLE]].astype(np.float32)
    words = max(1, min(WORDS, len(sample) // 10))
    clusters = MiniBatchKMeans(
        words, init=sample[:words], n_init=1, batch_size=8192, max_iter=4, max_no_improvement=None, random_state=seed
    )
    return clusters.fit(sample).cluster_centers_


def assign(descriptors: NDArray, centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the nearest centre of each descriptor, shape (descriptors,)."""
    offset = (centres**2).sum(1) / 2
    starts = range(0, len(descriptors), BLOCK)
    blocks = [
        (descriptors[start : start + BLOCK].astype(np.float32) @ centres.T - offset).argmax(1) for start in starts
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0, int)
