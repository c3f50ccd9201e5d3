"""Evidence as pictures: what each colour says, and that nothing is drawn, decoded or computed twice."""

import base64
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_fixtures import draw_bone
from PIL import Image

import bonexray.classifier
import bonexray.images
import bonexray.picture
import bonexray.reading
import page.comparison
import page.maps
from bonexray.runtime import Network
from page.comparison import compare
from page.handlers import Handlers
from page.models import Models, load_models
from page.overlay import (
    AGAINST,
    FOR,
    LAYER_SIDE,
    STRONGEST,
    data_uri,
    evidence_layer,
    layer_image,
    overlay,
    peak,
    scale_of,
    shown,
)
from page.sharing import Shares


@pytest.fixture(scope="module")
def models() -> Models:
    """Load the bundled networks as the page does."""
    return load_models()


def opened(uri: str) -> Image.Image:
    """Read a `data:` address back."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_colour_is_the_sign_and_opacity_the_strength() -> None:
    """Orange for, blue against, nothing at zero; as exact as 127 levels are, after the way through PNG."""
    evidence = np.linspace(-3, 2, 1001, dtype=np.float32).reshape(7, 143)
    pixels = np.asarray(opened(data_uri(evidence_layer(evidence, 3.0))).convert("RGBA"), float)
    seen = pixels[..., 3] > 0
    assert (pixels[seen & (evidence > 0), :3] == FOR).all() and (pixels[seen & (evidence < 0), :3] == AGAINST).all()
    assert np.abs(pixels[..., 3] - 255 * STRONGEST * np.abs(evidence) / 3).max() <= 0.5 + 255 * STRONGEST / 254
    assert not np.asarray(evidence_layer(np.zeros((3, 3), np.float32), 0.0).convert("RGBA"))[..., 3].any()


def test_an_overlay_is_the_radiograph_with_the_layer_over_it() -> None:
    """As `alpha_composite` puts it there, for a map of the radiograph's size and for a larger one."""
    grey = draw_bone(300, 220, seed=1)
    rows, columns = np.mgrid[-1:1:300j, -1:1:220j]
    evidence = (rows + np.sin(3 * columns)).astype(np.float32)
    drawn = overlay(grey, evidence)
    layer = evidence_layer(evidence, scale_of(evidence)).convert("RGBA")
    expected = Image.alpha_composite(Image.fromarray(grey).convert("RGBA"), layer).convert("RGB")
    assert drawn.mode == "RGB" and drawn.size == (220, 300)
    assert np.abs(np.asarray(drawn, int) - np.asarray(expected, int)).max() <= 1
    larger = np.asarray(overlay(grey, np.repeat(np.repeat(evidence, 3, 0), 3, 1)), int)
    assert np.abs(larger - np.asarray(expected, int)).mean() < 2


@pytest.mark.parametrize("shape", [(900, 640), (901, 33), (256, 256), (1, 900), (5, 3)])
def test_the_layer_of_the_page_is_small_and_lies_where_the_map_does(shape: tuple[int, int]) -> None:
    """Each of its pixels says what the map says on average where the browser will stretch it to."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) if side > 1 else np.zeros(1) for side in shape)
    evidence = (rows[:, None] + columns[None]).astype(np.float32)
    small = np.asarray(layer_image(evidence, 2.0), float) / 127 - 1
    below = Image.fromarray(evidence).resize(small.shape[::-1], Image.Resampling.BOX)
    assert max(small.shape) <= LAYER_SIDE
    np.testing.assert_allclose(small, np.asarray(below) / 2, atol=0.03)


def test_scale_and_peak_are_those_of_the_map() -> None:
    """The largest absolute value, and where the evidence for a fracture is strongest."""
    evidence = np.array([[-5, 1], [0, 2], [0, 0]], np.float32)
    assert scale_of(evidence) == 5 and scale_of(-evidence) == 5
    assert peak(evidence) == (0.75, 0.5)
    assert peak(-np.abs(evidence)) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_radiograph_is_shown_small_and_sharp(dtype: type) -> None:
    """At most 900 pixels a side; a fine line stays as dark as an exact filter leaves it."""
    grey = np.full((2000, 1300), 200, dtype)
    grey[:, 650:654] = 20
    picture = shown(grey)
    exact = Image.fromarray(grey.astype(np.uint8)).resize(picture.size, Image.Resampling.LANCZOS)
    assert picture.mode == "L" and picture.size == (585, 900)
    assert abs(int(np.asarray(picture).min()) - int(np.asarray(exact).min())) < 25


def counted(monkeypatch: pytest.MonkeyPatch, calls: Counter[str], *places: tuple[Any, str]) -> None:
    """Count the calls of functions, by name, without changing them."""

    def count(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            calls[name] += 1
            return function(*arguments, **named)

        return wrapped

    for owner, name in places:
        monkeypatch.setattr(owner, name, count(getattr(owner, name), name))


def test_a_comparison_does_everything_once(models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One decoding, one description, one letterbox for both, a pass a network; drawn, one picture and a map a network.

    What moves a threshold draws no map and runs no network again. No time is measured: this guards it.
    """
    path = tmp_path / "bone.jpg"
    Image.fromarray(draw_bone(1200, 800, seed=4, broken=True)).save(path)
    calls: Counter[str] = Counter()
    counted(
        monkeypatch, calls, (bonexray.images, "_read_pil"), (bonexray.picture, "describe"),
        (bonexray.reading, "letterbox"), (Network, "__call__"), (bonexray.classifier, "spread"),
        (page.comparison, "shown"), (page.maps, "data_uri"), (page.maps, "layer_image"),
    )  # fmt: skip
    comparison = compare(path, models)
    assert calls == {"_read_pil": 1, "describe": 1, "letterbox": 1, "__call__": 2, "shown": 1}
    calls.clear()
    handlers = Handlers(models, [], Shares())
    handlers.render(comparison, None, 0.5, 0.5, True, "en")
    # For each size, the page's and the thumbnail's: one radiograph; three maps of the one, one difference of the other.
    assert calls == {"spread": 4, "shown": 1, "layer_image": 4, "data_uri": 6}
    calls.clear()
    handlers.render_verdicts(comparison, 0.2, 0.9, True, "en")
    assert calls == {"layer_image": 1, "data_uri": 1}
