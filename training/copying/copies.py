"""Copies of the same radiograph: the same bytes or pixels, near copies, and turned, rescaled or recropped ones."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from tqdm import tqdm

from bonexray.images import read_image
from training.copying.keypoints import Features, Match, describe, match
from training.copying.perceptual import hash_orientations, near_pairs
from training.copying.vocabulary import weigh_words
from training.data.components import connected
from training.data.facts import read_facts
from training.data.parallel import in_threads

KINDS = ("same file", "same pixels", "near", "transformed")
COLUMNS = ("file_a", "file_b", "kind", "score", "degrees", "scale")
NEIGHBOURS = 10  # candidates of each image in each round
PER_PAIR = 3  # candidates between two components in each round: one match is enough to join them
ROUNDS = 8
BLOCK = 512  # images whose likeness to all others is held at once
LEAST_LIKENESS = 0.02

Pairs = NDArray[np.int64]


def find_copies(table: pd.DataFrame, facts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Find pairs of images made from the same radiograph; file names and labels are not looked at.

    The pairs join all copies of a radiograph, directly or through others; not every pair of them is listed.

    Args:
        table: with the columns `file` and `path`.
        facts: of `read_facts`, to spare their reading. Images that these call unreadable are left out.

    Returns:
        `file_a`, `file_b`, `kind` (one of `KINDS`), `score` (of `Match` where transformed, else bits or 0),
        `degrees` and `scale` (of the second against the first, where transformed).
    """
    facts = read_facts(table) if facts is None else facts
    table = table.assign(file_hash=facts["file_hash"].to_numpy(), pixel_hash=facts["pixel_hash"].to_numpy())
    files = same_values(table, "file_hash", "same file")
    table = table[table["pixel_hash"] != ""].drop_duplicates("file_hash")
    pixels = same_values(table, "pixel_hash", "same pixels")
    different = table.drop_duplicates("pixel_hash").reset_index(drop=True)
    described = in_threads(describe_file, different["path"], "describing")
    if len(described) < 2:
        return pd.concat([files, pixels], ignore_index=True)
    near = near_pairs(np.stack([hashes for _, hashes in described])).rename(columns={"bits": "score"})
    features = [feature for feature, _ in described]
    transformed = match_images(features, near[["a", "b"]].to_numpy())
    found = pd.concat([near.assign(kind="near"), transformed.assign(kind="transformed")], ignore_index=True)
    names = different["file"].to_numpy()
    found = found.assign(file_a=names[found["a"].astype(int)], file_b=names[found["b"].astype(int)])
    return pd.concat([files, pixels, found], ignore_index=True).reindex(columns=list(COLUMNS))


def same_values(table: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    """Pair each row with the first one that has the same value."""
    first = table.groupby(column)["file"].transform("first")
    copies = table["file"] != first
    return pd.DataFrame({"file_a": first[copies], "file_b": table["file"][copies], "kind": kind, "score": 0.0})


def describe_file(path: str) -> tuple[Features, NDArray[np.uint64]]:
    """Read an image once, for its keypoints and its perceptual hashes."""
    grey = read_image(path)
    return describe(grey), hash_orientations(grey)


def match_images(features: list[Features], known: Pairs) -> pd.DataFrame:
    """Match the likeliest pairs by keypoints, in rounds, until no round joins two components.

    Args:
        features: one an image.
        known: pairs that are copies already, shape (k, 2).

    Returns:
        `a`, `b` (row numbers), `score`, `degrees`, `scale` of the pairs that match.
    """
    if not any(len(image.points) for image in features):
        return pd.DataFrame(columns=["a", "b", "score", "degrees", "scale"])
    words = weigh_words(features)
    tried: set[tuple[int, int]] = set()
    found: dict[tuple[int, int], Match] = {}
    for number in range(1, ROUNDS + 1):
        component = components(len(features), known, found)
        pairs = list(choose(candidates(words, component, tried), component))
        matches = in_threads(lambda pair: match(features[pair[0]], features[pair[1]]), pairs, f"matching {number}")
        tried |= set(pairs)
        new = {pair: result for pair, result in zip(pairs, matches, strict=True) if result.same}
        found |= new
        if not new:
            break
    rows = [(*pair, result.score, result.degrees, result.scale) for pair, result in found.items()]
    return pd.DataFrame(rows, columns=["a", "b", "score", "degrees", "scale"])


def components(count: int, known: Pairs, found: dict[tuple[int, int], Match]) -> NDArray[np.int64]:
    """Number the components of the images under all pairs so far."""
    pairs = np.concatenate([known.reshape(-1, 2), np.array(list(found), int).reshape(-1, 2)])
    return connected(pairs[:, 0], pairs[:, 1], count)


def candidates(words: csr_array, component: NDArray[np.int64], tried: set[tuple[int, int]]) -> pd.DataFrame:
    """List the likeliest untried partners of each image outside its component: `a` < `b` and `likeness`."""
    parts = []
    past = np.array(sorted(tried), int).reshape(-1, 2)
    past = np.concatenate([past, past[:, ::-1]])
    keep = min(NEIGHBOURS, words.shape[0])
    for start in tqdm(range(0, words.shape[0], BLOCK), "comparing", disable=None):
        likeness = (words[start : start + BLOCK] @ words.T).toarray()
        likeness[component[start : start + BLOCK, None] == component[None, :]] = 0
        here = past[(past[:, 0] >= start) & (past[:, 0] < start + BLOCK)]
        likeness[here[:, 0] - start, here[:, 1]] = 0
        best = np.argpartition(likeness, -keep, axis=1)[:, -keep:]
        rows = np.repeat(np.arange(len(likeness)), keep)
        values = likeness[rows, best.ravel()]
        pair = np.sort(np.column_stack([rows + start, best.ravel()]), axis=1)[values > LEAST_LIKENESS]
        parts.append(pd.DataFrame({"a": pair[:, 0], "b": pair[:, 1], "likeness": values[values > LEAST_LIKENESS]}))
    return pd.concat(parts).drop_duplicates(["a", "b"])


def choose(pairs: pd.DataFrame, component: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the likeliest candidates between each two components."""
    ordered = pairs.sort_values(["likeness", "a", "b"], ascending=[False, True, True])
    sides = np.sort(component[ordered[["a", "b"]].to_numpy()], axis=1)
    rank = ordered.groupby([sides[:, 0], sides[:, 1]]).cumcount()
    for a, b in ordered.loc[(rank < PER_PAIR).to_numpy(), ["a", "b"]].to_numpy():
        yield int(a), int(b)
