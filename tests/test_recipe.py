"""The recipe and the flags made from it."""

import argparse
from dataclasses import fields, replace

import pytest

from bonexray.errors import BonexrayError
from training.learning.recipe import RECIPES, Recipe, add_recipe_flags, recipe_from


def parse(*argv: str) -> Recipe:
    """Parse a command line for ResNet50."""
    parser = argparse.ArgumentParser()
    add_recipe_flags(parser)
    return recipe_from(parser.parse_args(argv, argparse.Namespace(backbone="resnet50")))


def test_without_flags_the_named_recipe_stands() -> None:
    """Its default differs by backbone."""
    assert parse() == RECIPES["resnet50"]["default"]
    assert parse("--recipe", "predecessor") == RECIPES["resnet50"]["predecessor"]
    assert parse() != RECIPES["mobilenetv2"]["default"]


def test_a_flag_changes_its_field_alone() -> None:
    """Numbers, names and switches."""
    given = parse("--learning-rate", "0.5", "--balance", "none", "--no-flip", "--epochs", "3")
    assert given == replace(RECIPES["resnet50"]["default"], learning_rate=0.5, balance="none", flip=False, epochs=3)


def test_every_field_has_a_flag_that_is_explained() -> None:
    """`--help` tells each with its default."""
    parser = argparse.ArgumentParser()
    add_recipe_flags(parser)
    text = " ".join(parser.format_help().split())
    for option in fields(Recipe):
        assert "--" + option.name.replace("_", "-") in text
        assert len(option.metadata["help"]) > 10
    assert "(default: 48 for mobilenetv2, 24 for resnet50)" in text
    assert "(default: 'archive')" in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("balance", "both"),
        ("image_size", 8),
        ("image_size", 225),
        ("images_per_epoch", 1),
        ("dropout", 1.0),
        ("sensitivity", 0.0),
        ("seed", -1),
    ],
)
def test_a_value_outside_its_range_is_named(field: str, value: object) -> None:
    """With what was expected."""
    with pytest.raises(BonexrayError, match=f"{field}={value!r}: expected"):
        Recipe(**{field: value})
