"""The gate: distances worked by hand, hostile parameters, and real pictures that are no radiographs."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
from core_fixtures import ROOT, draw_bone
from PIL import Image

from bonexray import BonexrayError, CheckpointError, FractureClassifier
from bonexray.appearance import COUNT, colourfulness, facts, thumbnail
from bonexray.arrays import read_array, write_array
from bonexray.gate import REASONS, Contrast, Gate, Gaussian, join, unit
from bonexray.images import read_picture
from bonexray.picture import Picture
from bonexray.runtime import Network
from training.making.gate_fit import Sample, describe, fit_gate, fit_gaussian, limit, measure_stretch
from training.making.gating import add_gate
from training.making.others import KINDS, draw_others, list_pictures
from training.making.record import read_record, write_record

PLAIN = {"features": 1.0, "facts": 1.0, "colour": 5.0, "spread": 4.0, "side": 32.0, "aspect": 6.0}
NAMES = ("camera", "astronaut", "chelsea", "coffee", "page", "text", "retina", "immunohistochemistry", "brick",
         "grass", "gravel", "moon", "rocket", "cell")  # fmt: skip


def plain_gate(channels: int = 4, **limits: float) -> Gate:
    """Return a gate that accepts whatever the given limits do not refuse."""
    wide = Gaussian(np.zeros(channels, np.float32), np.eye(channels, dtype=np.float32)[:1], np.ones(1, np.float32), 1e6)
    ones = np.ones(COUNT, np.float32)
    broad = Gaussian(0 * ones, np.eye(COUNT, dtype=np.float32)[:2], np.full(2, 1e6, np.float32), 1e6)
    contrast = Contrast(np.zeros(channels + COUNT, np.float32), 0.0)
    return Gate(0 * ones, ones, broad, wide, contrast, 0.0, {**PLAIN, **limits})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a bundled checkpoint with a gate fitted on drawn bones and the simulated radiographs."""
    folder = tmp_path_factory.mktemp("gate") / "mobilenetv2"
    shutil.copytree(ROOT / "checkpoints/mobilenetv2", folder)
    size = read_record(folder)["image_size"]
    network = Network(folder / "model.tflite", size)
    bones = [Picture(draw_bone(300, 200 + 4 * seed, seed)) for seed in range(36)]
    bones += [read_picture(path) for path in sorted((ROOT / "examples").glob("*.jpg"))] * 3
    sample = describe(bones, network, size, len(bones))
    drawn = [Picture(grey) for grey in draw_others(6)]
    names = np.array([f"source {number}" for number in range(len(bones))])
    gate = fit_gate(sample, describe(drawn, network, size, len(drawn)), names, np.zeros(len(bones), bool))
    write_record(folder, {**read_record(folder), "gate": {**gate.record(), "fitted_on": "a test"}})
    return folder


def draw_rows(folder: Path, count: int) -> pd.DataFrame:
    """Save drawn bones into a folder, each a source of its own, and list them as a data set does."""
    for number in range(count):
        Image.fromarray(draw_bone(120, 90 + number, number)).save(folder / f"{number:02}.png")
    paths = sorted(folder.glob("*.png"))
    names = [path.name for path in paths]
    return pd.DataFrame({"path": paths, "file": names, "source_group": names, "rotated_copy": False})


def test_the_distance_is_mahalanobis() -> None:
    """(3/1)^2 along the kept direction, (4^2 + 0)/4 beside it, over 3 values: the root of 13/3."""
    gaussian = Gaussian(np.ones(3, np.float32), np.array([[1, 0, 0]], np.float32), np.array([1], np.float32), rest=4.0)
    assert gaussian.distance(np.array([4, 5, 1], np.float32)) == pytest.approx(math.sqrt(13 / 3))
    assert gaussian.distance(gaussian.mean) == 0


def test_the_fit_finds_the_distribution_that_was_drawn_from() -> None:
    """Variances 25, 4 and 1: one direction of its own, the other two share their mean of 2.5."""
    values = np.random.default_rng(0).normal(size=(20_000, 3)) * (5, 2, 1) + (1, 2, 3)
    gaussian = fit_gaussian(values.astype(np.float32), np.ones(len(values), np.float32), 1)
    np.testing.assert_allclose(gaussian.mean, (1, 2, 3), atol=0.1)
    np.testing.assert_allclose(np.abs(gaussian.directions), [[1, 0, 0]], atol=0.02)
    assert gaussian.variances == pytest.approx(25, rel=0.03)
    assert gaussian.rest == pytest.approx(2.5, rel=0.03)
    assert float((gaussian.distance(values.astype(np.float32)) ** 2).mean()) == pytest.approx(1, rel=0.01)


def test_weights_count_as_copies() -> None:
    """A row of weight 2 is a row that is there twice."""
    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    twice = fit_gaussian(np.concatenate([values, values[:1]]), np.ones(7, np.float32), 2)
    weighted = fit_gaussian(values, np.array([2, 1, 1, 1, 1, 1], np.float32), 2)
    point = np.array([1, 2, 3], np.float32)
    assert weighted.distance(point) == pytest.approx(twice.distance(point), rel=1e-4)


def test_the_limit_shifts_what_the_network_knows() -> None:
    """Known 0..99 have the median 49.5, new ones 200: shifted to 150.5..249.5, a tenth lies above 239.5."""
    distances = np.array([*range(100), 200], np.float32)
    seen = np.array([True] * 100 + [False])
    stretch = measure_stretch(distances, seen)
    assert stretch == 150.5
    assert limit(distances, seen, 0.1, stretch) == pytest.approx(239.5, abs=1)
    assert measure_stretch(distances, np.ones(101, bool), 7.0) == 7.0


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (Picture(np.full((300, 200), 90, np.uint8)), "blank"),
        (Picture(draw_bone(31, 40, 0)), "size"),
        (Picture(draw_bone(700, 100, 0)), "size"),
        (Picture(draw_bone(300, 200, 0), colourfulness=5.1), "colour"),
        (Picture(draw_bone(300, 200, 0), colourfulness=4.9), None),
    ],
)
def test_what_plain_facts_refuse(picture: Picture, reason: str | None) -> None:
    """Each has its own reason, a score above 1, and a sentence."""
    verdict = plain_gate().judge(picture, np.full(4, 0.5, np.float32))
    assert (verdict.in_domain, verdict.reason) == (reason is None, reason)
    assert (verdict.score > 1) == (reason is not None)
    assert reason is None or REASONS[reason].endswith(".")


@pytest.mark.parametrize("name", ["facts", "features"])
def test_the_distances_refuse_by_their_own_names(name: str) -> None:
    """The score is the distance over its limit."""
    verdict = plain_gate(**{name: 1e-6}).judge(Picture(draw_bone(300, 200, 0)), np.ones(4, np.float32))
    assert verdict.reason == name
    features = unit(np.ones(4, np.float32))
    if name == "features":
        assert verdict.score == pytest.approx(float(plain_gate().features.distance(features)) / 1e-6, rel=1e-4)


def test_the_contrast_tilts_the_distance() -> None:
    """Log odds of 2 at a steepness of 0.5 make the distance e times as long."""
    gate, values = plain_gate(), (np.full(4, 0.5, np.float32), np.zeros(COUNT, np.float32))
    tilted = Gate(**{**vars(gate), "contrast": Contrast(gate.contrast.weights, 2.0), "steepness": 0.5})
    assert tilted.distance(*values) == pytest.approx(math.e * gate.distance(*values), rel=1e-5)
    assert join(*values)[:4].tolist() == [10] * 4


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (2, 3), (17, 16), (600, 400)])
def test_facts_are_finite_whatever_the_shape(shape: tuple[int, int]) -> None:
    """Blank or noisy, one pixel or many."""
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    for pixels in (noise, np.zeros(shape, np.uint8), np.full(shape, 255, np.float32)):
        found = facts(thumbnail(pixels))
        assert found.shape == (COUNT,)
        assert np.isfinite(found).all()


def test_a_tint_is_no_colour_but_things_are() -> None:
    """A yellowed scan and a small red arrow stay under the limit; a photograph in colour does not."""
    bone = draw_bone(300, 200, 0)
    tinted = np.stack([bone, bone * 0.85, bone * 0.6], -1).astype(np.uint8)
    arrow = np.stack([bone] * 3, -1)
    arrow[100:110, 50:80] = (255, 0, 0)
    assert colourfulness(Image.fromarray(bone)) < 1e-3
    assert colourfulness(Image.fromarray(tinted)) < 1.5
    assert colourfulness(Image.fromarray(arrow)) < 5 < colourfulness(Image.fromarray(skimage.data.astronaut()))


def test_every_way_in_measures_the_same_colours(tmp_path: Path) -> None:
    """A file, a PIL image, 8-bit, 16-bit and float arrays; a DICOM or grey file has none."""
    photo = skimage.data.chelsea()
    Image.fromarray(photo).save(tmp_path / "cat.png")
    expected = colourfulness(Image.fromarray(photo))
    ways = [tmp_path / "cat.png", Image.fromarray(photo), photo, photo.astype(np.float32)]
    assert [read_picture(way).colourfulness for way in ways] == pytest.approx([expected] * 4)
    deep = photo.astype(np.uint16) * 256  # shown in its own range, as the grey pixels are
    assert read_picture(deep).colourfulness == pytest.approx(expected * 255 / photo.max(), rel=0.02)
    assert read_picture(photo[..., 0]).colourfulness == 0


def test_generated_pictures_are_the_same_for_a_seed() -> None:
    """And of every kind."""
    first, again, other = draw_others(1), draw_others.__wrapped__(1), draw_others(1, seed=1)
    assert len(first) == len(KINDS)
    for one, same, different in zip(first, again, other, strict=True):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, same)
        assert (one != different).any()


def test_a_fitted_gate_tells_radiographs_from_other_pictures(fitted: Path) -> None:
    """New bones and the simulated radiographs pass; photographs, pages and other medicine do not, grey ones too."""
    classifier = FractureClassifier.from_pretrained(fitted)
    passed = [classifier.predict(draw_bone(300, 240, seed)).in_domain for seed in range(100, 120)]
    passed += [classifier.predict(path).in_domain for path in (ROOT / "examples").glob("*.jpg")]
    assert sum(map(bool, passed)) >= len(passed) - 1
    others = [getattr(skimage.data, name)() for name in NAMES]
    others += [np.asarray(Image.fromarray(one).convert("L")) for one in others if one.ndim == 3]
    answers = [classifier.predict(other) for other in others]
    assert sum(answer.in_domain is False for answer in answers) >= 0.95 * len(answers)
    for answer in answers:
        assert (answer.domain_reason in REASONS) == (answer.in_domain is False) == (answer.domain_score > 1)


@pytest.mark.parametrize(("held_out", "fitted_on", "tried"), [("fold0", 30, None), ("test", 20, 10)])
def test_the_fold_that_a_network_never_saw_stands_in_for_validation(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held_out: str, fitted_on: int, tried: int | None
) -> None:
    """For a network of a cross-validation alone; from another, a test part stays a test."""
    rows = draw_rows(tmp_path, 30)
    folder = copied(fitted, tmp_path / "net")
    record = read_record(folder)
    record["provenance"]["data"]["held_out"] = held_out
    write_record(folder, record)
    monkeypatch.setattr("training.making.gating.OTHERS_A_KIND", 1)
    add_gate(folder, {"train": rows[:20], "validation": rows[:0], "test": rows[20:]})
    gate = read_record(folder)["gate"]
    assert gate["fitted_on"].startswith(f"{fitted_on} sources")
    assert gate.get("held_out", {}).get("sources") == tried


def test_found_pictures_join_the_generated_ones(fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted in the record, and a picture like them is farther away than it was before."""
    shown = skimage.data.camera()
    rows = draw_rows(tmp_path, 12)
    (tmp_path / "others/deep").mkdir(parents=True)
    for number in range(12):
        Image.fromarray(np.roll(shown, 37 * number)).save(tmp_path / f"others/deep/{number}.jpg")
    monkeypatch.setattr("training.making.gating.OTHERS_A_KIND", 1)
    scores = []
    for others in (None, tmp_path / "others"):
        folder = copied(fitted, tmp_path / f"net-{others is None}")
        add_gate(folder, {"train": rows, "validation": rows[:0], "test": rows[:0]}, others=others)
        scores.append(FractureClassifier.from_pretrained(folder).predict(shown).domain_score)
    assert "12 pictures that are no radiographs" in read_record(folder)["gate"]["fitted_on"]
    assert scores[1] > scores[0]


def test_a_gate_that_is_fitted_anew_keeps_what_a_cross_validation_told(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much closer together a network places what it was trained on cannot be seen without new images."""
    folder, rows = copied(fitted, tmp_path / "net"), draw_rows(tmp_path, 12)
    roles = {"train": rows, "validation": rows[:0], "test": rows[:0]}
    monkeypatch.setattr("training.making.gating.OTHERS_A_KIND", 1)
    limits = []
    for stretch in (1.0, 1.5):
        record = read_record(folder)
        record["gate"]["limits"]["stretch"] = stretch
        write_record(folder, record)
        add_gate(folder, roles)
        limits.append(read_record(folder)["gate"]["limits"])
    assert [found["stretch"] for found in limits] == pytest.approx([1.0, 1.5])
    assert limits[1]["features"] == pytest.approx(1.5 * limits[0]["features"])


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    """Whether it is empty or not there."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BonexrayError, match=f"{folder} holds no pictures"):
            list_pictures(folder)


def test_a_checkpoint_without_a_gate_says_nothing(fitted: Path, tmp_path: Path) -> None:
    """Neither yes nor no."""
    folder = copied(fitted, tmp_path / "none")
    write_record(folder, {**read_record(folder), "gate": None})
    answer = FractureClassifier.from_pretrained(folder).predict(draw_bone(60, 60, 0))
    assert (answer.in_domain, answer.domain_score, answer.domain_reason) == (None, None, None)


def test_arrays_survive_being_written() -> None:
    """Bit for bit."""
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    np.testing.assert_array_equal(read_array(json.loads(json.dumps(write_array(values))), (3, 5)), values)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("mean/values", "AAAA"),
        ("features/mean/values", "no base64!"),
        ("features/mean", write_array(np.zeros(7))),
        ("features/mean", write_array(np.full(1280, np.nan))),
        ("features/directions/shape", [10_000, 10_000]),
        ("features/directions/shape", [-1, 1280]),
        ("features/variances", write_array(-np.ones(8))),
        ("features/variances", write_array(np.ones((8, 2)))),
        ("features/rest", 0),
        ("contrast/bias", 1e300),
        ("scale", write_array(np.zeros(COUNT))),
        ("limits", {"features": 1}),
        ("limits/features", 0),
        ("surprise", 1),
    ],
)
def test_hostile_parameters_are_refused(fitted: Path, tmp_path: Path, place: str, value: object) -> None:
    """One line that names what was wrong, before anything is judged."""
    folder = copied(fitted, tmp_path / "hostile")
    record = json.loads((folder / "classifier.json").read_text())
    *parents, last = place.split("/")
    target = record["gate"]
    for parent in parents:
        target = target[parent]
    target[last] = value
    (folder / "classifier.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="gate") as caught:
        FractureClassifier.from_pretrained(folder)
    assert "\n" not in str(caught.value)


def test_the_fit_needs_no_order(fitted: Path) -> None:
    """A source's copies weigh as much as one image: doubling every row changes no distribution."""
    random = np.random.default_rng(0)
    features, measured = unit(random.normal(size=(40, 6)).astype(np.float32)), random.normal(size=(40, COUNT))
    ones = np.ones(40, np.float32)
    sample = Sample(features, measured.astype(np.float32), 0 * ones, ones, 40 * ones)
    others = Sample(-features, -sample.facts, 0 * ones, ones, 40 * ones)
    names, new = np.array([str(number) for number in range(40)]), np.zeros(40, bool)
    once = fit_gate(sample, others, names, new)
    both = np.tile(np.arange(40), 2)
    twice = fit_gate(sample[both], others, names[both], new[both])
    np.testing.assert_allclose(once.features.variances, twice.features.variances, rtol=1e-4)
    assert once.limits["features"] == pytest.approx(twice.limits["features"], rel=0.02)


def copied(folder: Path, target: Path) -> Path:
    """Copy a checkpoint, and return where to."""
    return shutil.copytree(folder, target)
