"""The endpoints, asked by Gradio's own client of a page that is really started."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from numpy.typing import NDArray
from page_fixtures import run_page
from PIL import Image

from bonexray import FractureClassifier


@pytest.fixture(scope="module")
def client(page: str) -> Client:
    """Return one client of the page."""
    return Client(page, verbose=False)


@pytest.fixture
def file(radiograph: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return the radiograph as a PNG file."""
    Image.fromarray(radiograph).save(tmp_path / "bone.png")
    return tmp_path / "bone.png"


def test_compare_answers_as_the_package_does(client: Client, file: Path) -> None:
    """Both networks' numbers come through the wire as `predict` gives them."""
    record, *maps = client.predict(handle_file(file), api_name="/compare")
    for answer in record["models"]:
        direct = FractureClassifier.from_pretrained(answer["source"]).predict(file)
        assert answer["probability"] == pytest.approx(direct.probability, abs=1e-9)
        assert (answer["threshold"], answer["fractured"]) == (direct.threshold, direct.fractured)
        assert answer["milliseconds"] > 0
    verdicts = [answer["fractured"] for answer in record["models"]]
    assert record["agreement"] == (verdicts[0] == verdicts[1])
    assert [answer["name"] for answer in record["models"]] == ["MobileNetV2", "ResNet50"]
    assert all(np.ptp(np.asarray(Image.open(path).convert("RGB")), axis=2).max() > 50 for path in maps)


def test_models_are_listed(client: Client) -> None:
    """`/models` names the networks, their threshold and where they are from."""
    models = client.predict(api_name="/models")
    assert [model["source"] for model in models] == ["checkpoints/mobilenetv2", "checkpoints/resnet50"]
    assert all(0 < model["threshold"] < 1 for model in models)


def test_a_file_that_is_no_image_is_refused_in_one_line(client: Client, tmp_path: Path) -> None:
    """The caller learns what was wrong with which file, and nothing of the server's folders."""
    (tmp_path / "notes.png").write_text("no image")
    with pytest.raises(Exception, match=r"^notes\.png is no image") as error:
        client.predict(handle_file(tmp_path / "notes.png"), api_name="/compare")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("models", ["one/name", "no such folder,owner/b", "checkpoints/resnet50,"])
def test_wrong_models_start_nothing(models: str) -> None:
    """A bad value is one line on stderr and exit status 2."""
    ended = run_page("--models", models)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_the_page_never_imports_tensorflow() -> None:
    """What a Space runs needs neither TensorFlow nor the training."""
    code = "import sys, app, page.layout; print([n for n in ('tensorflow', 'keras', 'training') if n in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "[]", ended.stderr
