"""Local features of one radiograph, and whether two of them show the same pixels turned, scaled, cropped or greyed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256  # pixels of the longer side, to which every image is brought
KEYPOINTS = 250
RATIO = 0.85  # of the distances to the best and the second best partner (Lowe 2004)
REACH = 4.0  # pixels: how far off a keypoint may land
LEAST_MATCHES, LEAST_INLIERS = 10, 20
STRETCH = 2.5  # largest ratio of the axes: the rotated copies were squeezed to squares
MANY = 50  # inliers beyond which more say nothing more
LEAST_CORRELATION, LEAST_SCORE = 0.6, 1.1

Transform = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """SIFT points (n, 2), RootSIFT descriptors (n, 128), and the grey image at half of `SIDE`."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float16]
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True)
class Match:
    """How well one image lands on another: points that agree, correlation of the fine structure, and the turn."""

    inliers: int
    correlation: float
    degrees: float
    scale: float

    @property
    def score(self) -> float:
        """Correlation plus a hundredth of the inliers, up to `MANY`: from 0 to 1.5."""
        return self.correlation + min(self.inliers, MANY) / 100

    @property
    def same(self) -> bool:
        """Whether the two show the same radiograph."""
        return self.inliers >= LEAST_INLIERS and self.correlation >= LEAST_CORRELATION and self.score >= LEAST_SCORE


NO_MATCH = Match(0, 0.0, 0.0, 0.0)


def describe(grey: NDArray) -> Features:
    """Find the keypoints of a grey image (H, W), after a stretch of its grey levels."""
    image = standardise(grey)
    sift = cv2.SIFT.create(nfeatures=KEYPOINTS, contrastThreshold=0.01, edgeThreshold=15)
    points, raw = sift.detectAndCompute(image, None)
    raw = np.zeros((0, 128), np.float32) if raw is None else raw
    # RootSIFT (Arandjelovic and Zisserman 2012): the dot product of square roots compares histograms better.
    root = np.sqrt(raw / np.maximum(raw.sum(1, keepdims=True), 1e-9))
    where = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    thumbnail = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Features(where, root.astype(np.float16), np.asarray(thumbnail, np.uint8))


def standardise(grey: NDArray) -> NDArray[np.uint8]:
    """Bring the longer side to `SIDE` and the 1st and 99th percentile to 0 and 255."""
    factor = SIDE / max(grey.shape)
    size = [max(8, round(side * factor)) for side in reversed(grey.shape)]
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(np.asarray(grey, np.float32), size, interpolation=method)
    low, high = np.percentile(image, (1, 99))
    return np.clip((image - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)


def match(first: Features, second: Features) -> Match:
    """Compare two images: agreeing keypoints fix an affine transform, the pixels under it decide."""
    start, end = partners(first, second)
    if len(start) < LEAST_MATCHES:
        return NO_MATCH
    found, inliers = fit_transform(start, end)
    if found is None or inliers < LEAST_INLIERS:
        return NO_MATCH
    scale = float(np.sqrt(abs(np.linalg.det(found[:, :2]))))
    degrees = float(np.degrees(np.arctan2(found[1, 0] - found[0, 1], found[0, 0] + found[1, 1])))
    return Match(inliers, correlation(first.thumbnail, second.thumbnail, found), degrees, scale)


def partners(first: Features, second: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pair the keypoints that choose each other and pass the ratio test: two arrays (matches, 2)."""
    if min(len(first.points), len(second.points)) < LEAST_MATCHES:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    likeness = first.descriptors.astype(np.float32) @ second.descriptors.astype(np.float32).T
    rows = np.arange(len(likeness))
    best = likeness.argmax(1)
    value = likeness[rows, best]
    mutual = likeness.argmax(0)[best] == rows
    likeness[rows, best] = -1
    clear = 1 - value < RATIO**2 * (1 - likeness.max(1))  # squared distance of unit vectors is 2 - 2 * likeness
    chosen = mutual & clear
    return first.points[chosen], second.points[best[chosen]]


def fit_transform(start: NDArray[np.float32], end: NDArray[np.float32]) -> tuple[Transform | None, int]:
    """Fit a similarity by RANSAC and refine it to an affine transform (2, 3); None where it is implausible."""
    _, mask = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=REACH, maxIters=1000, confidence=0.99
    )
    if mask is None:
        return None, 0
    near = mask.ravel() > 0
    padded = np.column_stack([start, np.ones(len(start))])
    for reach in (2 * REACH, REACH):
        if near.sum() < 4:
            return None, 0
        solved = np.linalg.lstsq(padded[near], end[near], rcond=None)[0].T
        near = np.linalg.norm(padded @ solved.T - end, axis=1) < reach
    large, small = np.linalg.svd(solved[:, :2], compute_uv=False)
    plausible = small > 0.25 and large < 4 and large / small < STRETCH
    return (np.asarray(solved, np.float64) if plausible else None), int(near.sum())


def correlation(first: NDArray[np.uint8], second: NDArray[np.uint8], found: Transform) -> float:
    """Correlate the fine structure of two thumbnails where both show something, the first moved onto the second."""
    moved = found.copy()
    moved[:, 2] /= 2  # the transform is between images of twice the size
    height, width = second.shape
    ours = cv2.warpAffine(first.astype(np.float32), moved, (width, height), borderValue=-1000)
    theirs = second.astype(np.float32)
    both = (ours > 2) & (theirs > 2)  # black padding is no evidence
    if both.sum() < 300:
        return 0.0
    left, right = (band_pass(image)[both] for image in (np.maximum(ours, 0), theirs))
    left, right = left - left.mean(), right - right.mean()
    return float(left @ right / np.sqrt((left @ left) * (right @ right) + 1e-9))


def band_pass(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep structure of about 1 to 4 pixels: what soft brightness changes and JPEG noise leave alone."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.8) - cv2.GaussianBlur(image, (0, 0), 4), np.float32)
