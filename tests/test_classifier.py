"""What a developer meets: one class, from a folder, that answers for images."""

import math
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
from core_fixtures import draw_bone
from numpy.typing import NDArray
from PIL import Image

from bonexray import BonexrayError, FractureClassifier, Prediction
from bonexray.errors import ImageError
from bonexray.geometry import letterbox, spread
from bonexray.hub import Source
from bonexray.images import read_image, read_picture
from bonexray.reading import AHEAD, read_ahead
from bonexray.runtime import Network


def test_one_image_and_a_list_give_the_same_answers(
    clf: FractureClassifier, radiograph: NDArray, tmp_path: Path
) -> None:
    """A path, a PIL image and an array of the same pixels are one image."""
    Image.fromarray(radiograph).save(tmp_path / "x.png")
    answers = clf.predict([tmp_path / "x.png", Image.fromarray(radiograph), radiograph])
    single = clf.predict(radiograph)
    assert isinstance(single, Prediction)
    assert [answer.probability for answer in answers] == [single.probability] * 3
    assert clf.predict([]) == []


def test_the_verdict_follows_the_threshold(clf: FractureClassifier, radiograph: NDArray) -> None:
    """And the probability is that of the logit."""
    answer = clf.predict(radiograph)
    assert 0 < answer.probability < 1
    assert answer.fractured == (answer.probability >= answer.threshold)
    assert answer.probability == pytest.approx(1 / (1 + math.exp(-answer.logit)), abs=1e-12)
    assert answer.milliseconds > 0


def test_the_explanation_is_exact(clf: FractureClassifier, radiograph: NDArray) -> None:
    """The mean of the cells plus the bias is the logit, and the network's own output agrees."""
    answer = clf.predict(radiograph)
    stride = {"mobilenetv2": 32, "resnet50": 16}[clf.checkpoint.backbone]  # this ResNet50 ends at conv4
    assert answer.cells.shape == (clf.checkpoint.image_size // stride,) * 2
    assert answer.cells.mean(dtype=float) + clf.checkpoint.bias == pytest.approx(answer.logit, abs=1e-9)
    assert answer.cells.std() > 0
    outputs = clf._network(letterbox(radiograph, clf.checkpoint.image_size))
    assert float(outputs["probability"]) == pytest.approx(answer.probability, abs=1e-4)


@pytest.mark.parametrize("shape", [(1800, 1100), (90, 400), (224, 224), (33, 33)])
def test_the_evidence_lies_over_the_image_as_it_was_given(clf: FractureClassifier, shape: tuple[int, int]) -> None:
    """float32, the image's own height and width, the letterbox removed."""
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    answer = clf.predict(pixels)
    assert answer.evidence.shape == answer.shape == shape
    assert answer.evidence.dtype == np.float32
    np.testing.assert_array_equal(answer.evidence, spread(answer.cells, shape))


def test_no_map_is_made_before_it_is_asked_for(
    clf: FractureClassifier, radiograph: NDArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then once: a list of a thousand answers holds cells alone."""
    made = []
    monkeypatch.setattr("bonexray.classifier.spread", lambda *given: made.append(given) or spread(*given))
    answer = clf.predict(radiograph)
    assert made == [] and "evidence" not in vars(answer)
    assert answer.evidence is answer.evidence
    assert len(made) == 1


def test_a_list_reads_letterboxes_and_runs_each_image_once(
    clf: FractureClassifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files, in the readers' threads; the order stays."""
    calls = Counter()
    for name in ("bonexray.images._read_pil", "bonexray.picture.describe", "bonexray.reading.letterbox"):
        monkeypatch.setattr(name, counting(name, calls))
    monkeypatch.setattr(Network, "__call__", counting("bonexray.runtime.Network.__call__", calls))
    paths = [tmp_path / f"{seed}.png" for seed in range(7)]
    for seed, path in enumerate(paths):
        Image.fromarray(draw_bone(60, 50, seed)).save(path)
    answers = clf.predict([*paths])
    assert set(calls.values()) == {7} and len(calls) == 4
    assert [answer.logit for answer in answers] == [clf.predict(path).logit for path in paths]


def counting(name: str, calls: "Counter[str]") -> Callable[..., object]:
    """Wrap what has this dotted name, so that its calls are counted."""
    function = resolve_name(name)

    def wrapped(*arguments: object, **named: object) -> object:
        calls[name] += 1
        return function(*arguments, **named)

    return wrapped


def test_a_tinted_scan_means_what_its_grey_copy_means(clf: FractureClassifier, radiograph: NDArray) -> None:
    """Three equal channels are the grey image."""
    colour = np.repeat(radiograph[..., None], 3, axis=-1)
    assert clf.predict(colour).probability == pytest.approx(clf.predict(radiograph).probability, abs=1e-3)


def test_threads_may_share_a_classifier(clf: FractureClassifier) -> None:
    """Three threads get what one gets."""
    from concurrent.futures import ThreadPoolExecutor

    images = [np.random.default_rng(i).integers(0, 255, (60, 50), np.uint8) for i in range(6)]
    alone = [clf.predict(image).probability for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = [answer.probability for answer in pool.map(clf.predict, images)]
    assert together == alone
    assert len(set(alone)) > 1


def test_predicting_imports_no_tensorflow_and_importing_nearly_nothing(bundled: Path) -> None:
    """The Space answers without TensorFlow; `import bonexray` alone loads neither LiteRT nor the Hub client."""
    code = (
        "import sys, numpy, bonexray\n"
        "heavy = {'tensorflow', 'keras', 'ai_edge_litert', 'huggingface_hub', 'jsonschema', 'gradio'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"clf = bonexray.FractureClassifier.from_pretrained({str(bundled)!r})\n"
        "clf.predict(numpy.zeros((50, 40), numpy.uint8))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=bundled.parents[1])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["no/such/folder", "nonsense", "checkpoints/vgg16"])
def test_a_wrong_name_is_named_in_one_line(name: str) -> None:
    """Neither a folder nor owner/name, or one that nobody has."""
    with pytest.raises(BonexrayError, match=name) as caught:
        FractureClassifier.from_pretrained(name)
    assert "\n" not in str(caught.value)


def test_the_representation_tells_network_and_origin(clf: FractureClassifier, bundled: Path) -> None:
    """For notebooks and logs."""
    assert repr(clf).startswith(f"FractureClassifier('{bundled.name}', {bundled}, threshold=0.")


def test_a_damaged_network_is_refused(bundled: Path, tmp_path: Path) -> None:
    """One changed byte changes the hash."""
    folder = Path(shutil.copytree(bundled, tmp_path / "copy"))
    content = bytearray((folder / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.tflite").write_bytes(content)
    with pytest.raises(BonexrayError, match=r"model\.tflite .* is not the file that classifier\.json describes"):
        FractureClassifier.from_pretrained(folder)


def test_a_long_list_is_read_a_few_images_ahead(clf: FractureClassifier, tmp_path: Path) -> None:
    """Never more than a handful wait, the order stays, and the first unreadable one is named."""
    asked = []

    def images() -> Iterator[NDArray[np.uint8]]:
        for seed in range(20):
            asked.append(seed)
            yield draw_bone(40, 30, seed)

    for taken, picture in enumerate(read_ahead(images(), lambda image: read_picture(image, 100))):
        assert np.array_equal(picture.grey, draw_bone(40, 30, taken))
        assert picture.shape == (40, 30)
        assert len(asked) <= taken + AHEAD + 1
    (tmp_path / "no.jpg").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"no\.jpg"):
        clf.predict([draw_bone(40, 30, 1), tmp_path / "no.jpg"])


def test_an_image_that_is_read_already_gives_the_same(clf: FractureClassifier, tmp_path: Path) -> None:
    """Read once, judged by several networks: the answer is that of the file."""
    path = tmp_path / "bone.png"
    Image.fromarray(draw_bone(300, 200, seed=2)).save(path)
    assert clf.predict(read_picture(path)).logit == clf.predict(read_image(path)).logit == clf.predict(path).logit


def test_networks_of_one_size_share_what_is_made_of_a_picture(
    clf: FractureClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is letterboxed and described for the first of them alone."""
    calls = Counter()
    for name in ("bonexray.picture.describe", "bonexray.reading.letterbox"):
        monkeypatch.setattr(name, counting(name, calls))
    picture = read_picture(draw_bone(300, 200, seed=3))
    assert clf.predict(picture).logit == clf.predict(picture).logit
    assert set(calls.values()) == {1} and len(calls) == 2


def test_what_was_used_goes_to_other_processes(bundled: Path, radiograph: NDArray) -> None:
    """A pool of processes pickles classifier, picture and answer alike; a token stays where it is."""
    origin = Source("owner/name", bundled, token="hf_secret")
    clf, picture = FractureClassifier(origin, threads=1), read_picture(radiograph)
    answer = clf.predict(picture)
    pickled = pickle.dumps((clf, picture, answer))
    other, copy, told = pickle.loads(pickled)
    assert b"hf_secret" not in pickled
    assert other.predict(copy).logit == told.logit == answer.logit
    assert repr(other) == repr(clf)


def test_a_forked_process_predicts_too(bundled: Path) -> None:
    """What a data loader does: threads of the parent do not run in its children."""
    code = (
        "import os, numpy\n"
        "from bonexray import FractureClassifier\n"
        f"clf = FractureClassifier.from_pretrained({str(bundled)!r}, threads=1)\n"
        "pixels = numpy.random.default_rng(0).integers(0, 255, (60, 50), numpy.uint8)\n"
        "expected = clf.predict(pixels).probability\n"
        "if (child := os.fork()) == 0:\n"
        "    os._exit(clf.predict(pixels).probability != expected)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
