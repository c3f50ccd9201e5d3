"""The simulated radiographs: made by the script beside them, of bones that are broken or not."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page.examples import FOLDER, load_examples
from page.texts import LANGUAGES

sys.path.insert(0, str(FOLDER))
from anatomy import EXAMPLES, RADIUS
from simulate import break_at, project


@pytest.mark.parametrize("name", ["forearm-transverse", "hand-intact"])
def test_the_script_makes_the_committed_picture_again(name: str) -> None:
    """The seed fixes every pixel, up to what JPEG loses."""
    committed = np.asarray(Image.open(FOLDER / f"{name}.jpg"), float)
    drawn = np.asarray(project(*EXAMPLES[name]), float)
    assert committed.shape == drawn.shape
    assert np.abs(committed - drawn).mean() < 2


def test_twins_differ_at_the_fracture_alone() -> None:
    """Above the break, the intact and the broken forearm are the same radiograph."""
    intact, broken = (np.asarray(project(*EXAMPLES[f"forearm-{end}"]), float) for end in ("intact", "transverse"))
    difference = np.abs(intact - broken)
    above, below = difference[: len(difference) // 3].mean(), difference[len(difference) // 2 :].mean()
    assert above < 1 and below > 5 * above


def test_bone_absorbs_more_than_flesh_and_flesh_more_than_air() -> None:
    """Beer-Lambert: the longer the path and the denser the matter, the brighter."""
    image = np.asarray(project(*EXAMPLES["forearm-intact"]), float)
    row = image[len(image) // 2]
    air, bone = row[:20].mean(), np.percentile(row, 98)
    assert air < 40 < np.median(row[row > 60]) < bone


def test_a_broken_bone_keeps_its_matter() -> None:
    """The two pieces of a bone that is broken and not moved are the bone."""
    broken = break_at(RADIUS, 0.5, seed=1)
    flesh = EXAMPLES["forearm-intact"][1]
    whole, parts = (np.asarray(project([bone], flesh, (400, 700), 1), float) for bone in (RADIUS, broken))
    assert np.abs(whole - parts).mean() < 0.5


def test_every_example_has_a_caption_in_every_language() -> None:
    """And every committed picture is an example."""
    examples = load_examples()
    assert {example.path for example in examples} == set(Path(FOLDER).glob("*.jpg")) and len(examples) == len(EXAMPLES)
    for language in LANGUAGES:
        assert len({example.caption(language) for example in examples}) == len(examples)
