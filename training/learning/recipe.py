"""The recipe of a training run: one frozen dataclass, from whose fields the command line is made."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from bonexray.errors import BonexrayError


def _option(default: Any, help_text: str) -> Any:  # noqa: ANN401 - as dataclasses.field
    return field(default=default, metadata={"help": help_text})


def check_ranges(values: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> None:
    """Raise BonexrayError for the first value that lies outside its range."""
    for name, (low, high) in ranges.items():
        if not low <= values[name] <= high:
            raise BonexrayError(f"{name}={values[name]!r}: expected {low}..{high}")


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run that changes its result."""

    image_size: int = _option(224, "side of the network's square input, pixels; even")
    stored_size: int = _option(320, "side at which images are letterboxed before augmentation, pixels")
    scaling: str = _option(
        "backbone", "pixel scaling in the graph: 'backbone' (its ImageNet scaling) or 'unit' (1/255)"
    )
    split: str = _option(
        "grouped", "'grouped' (no source on two sides) or 'official' (the data set's own, leaky) split"
    )
    balance: str = _option("archive", "what each label is drawn equally often within: 'archive', 'label', or 'none'")
    one_vote: bool = _option(
        True, "draw sources, then one of their images, so that a source with 100 copies counts once"
    )
    batch_size: int = _option(32, "images a step")
    images_per_epoch: int = _option(512, "images drawn an epoch")
    views: int = _option(
        48, "augmented views of each source, of which the untrained layers' output is cached; 0 for new ones each epoch"
    )
    head_views: int = _option(2, "epochs' worth of images whose frozen features are cached to fit the head on")
    head_strength: float = _option(0.1, "inverse of the L2 penalty on the head's first fit, scikit-learn's C")
    epochs: int = _option(20, "epochs of fine-tuning; 0 trains the head alone")
    learning_rate: float = _option(
        3e-4, "peak learning rate of fine-tuning, per step, warmed up then decayed by a cosine"
    )
    first_trained: str = _option(
        "block_6_expand", "first backbone layer that is fine-tuned (a name's beginning; '' for all)"
    )
    batch_norm: str = _option(
        "kept", "statistics of batch norm: 'kept' as the initial weights have them, or 'estimated' on training images"
    )
    weight_decay: float = _option(1e-3, "decoupled weight decay of AdamW, per step at a learning rate of 1")
    dropout: float = _option(0.3, "share of the pooled features dropped, 0..1")
    label_smoothing: float = _option(0.05, "share of the label given to both classes alike, 0..1")
    ema: float = _option(0.98, "momentum of the averaged weights that are kept, per step; 0 keeps the last ones")
    location: float = _option(
        1.0, "weight of the loss on cells inside and outside of marked fractures (--marks); 0 leaves the marks out"
    )
    rotation: float = _option(0.06, "largest random rotation either way, turns (0.5 is upside down)")
    crop: float = _option(0.25, "largest share of the image's area that a random crop and zoom removes, 0..1")
    zoom: float = _option(0.15, "largest random zoom either way, share of the side")
    flip: bool = _option(True, "mirror left to right at random")
    brightness: float = _option(0.1, "largest brightness shift, share of the range")
    contrast: float = _option(0.2, "largest contrast change, share")
    blur: float = _option(0.0, "largest Gaussian blur, pixels (standard deviation)")
    jpeg: int = _option(100, "lowest random JPEG quality, 1..100; 100 switches it off")
    noise: float = _option(0.0, "Gaussian noise, share of the range (standard deviation)")
    cutout: float = _option(0.0, "largest side of a blanked rectangle, share of the image's side")
    precision: str = _option(
        "float32", "arithmetic of the training: 'float32', 'bfloat16' or 'float16' (weights stay float32)"
    )
    sensitivity: float = _option(0.95, "least sensitivity on validation that the threshold is chosen for, 0..1")
    seed: int = _option(0, "seed of the draws and the augmentation; the split is always the same")

    def __post_init__(self) -> None:
        """Raise BonexrayError for a value outside its set or range."""
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise BonexrayError(f"{name}={getattr(self, name)!r}: expected one of {', '.join(map(repr, allowed))}")
        check_ranges(vars(self), RANGES)
        if self.image_size % 2:
            raise BonexrayError(
                f"image_size={self.image_size}: expected an even number, as networks serve 2 x 2 blocks"
            )

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for `classifier.json`."""
        return asdict(self)

    def image_choices(self) -> dict[str, Any]:
        """The fields on which the pixels that a network sees depend."""
        return {name: getattr(self, name) for name in IMAGE_FIELDS}


IMAGE_FIELDS = (
    "image_size", "stored_size", "batch_size", "rotation", "crop", "zoom", "flip", "brightness", "contrast",
    "blur", "jpeg", "noise", "cutout", "precision", "seed",
)  # fmt: skip
CHOICES = {
    "scaling": ("backbone", "unit"),
    "split": ("grouped", "official"),
    "batch_norm": ("kept", "estimated"),
    "precision": ("float32", "bfloat16", "float16"),
    "balance": ("archive", "label", "none"),
}
RANGES = {
    "image_size": (32, 1024), "stored_size": (32, 2048), "batch_size": (1, 4096), "images_per_epoch": (2, 10**7),
    "views": (0, 1000), "head_views": (1, 1000), "epochs": (0, 10**5),
    "head_strength": (1e-9, 1e9),
    "learning_rate": (0, 10), "weight_decay": (0, 1), "dropout": (0, 0.99), "label_smoothing": (0, 0.99),
    "ema": (0, 0.99999), "location": (0, 100), "rotation": (0, 1), "crop": (0, 0.95), "zoom": (0, 0.9),
    "brightness": (0, 1), "contrast": (0, 1), "blur": (0, 10), "jpeg": (1, 100), "noise": (0, 1), "cutout": (0, 0.9),
    "sensitivity": (0.01, 1), "seed": (0, 2**31 - 1),
}  # fmt: skip

# Rotation, zoom and 1/255 on the data set's own split: the notebook whose 98 % this project re-measures.
PREDECESSOR = Recipe(
    image_size=224, scaling="unit", split="official", balance="none", one_vote=False, images_per_epoch=2048, views=0,
    epochs=6, learning_rate=1e-4, first_trained="", weight_decay=1e-4,
    rotation=0.1, zoom=0.1, crop=0.0, brightness=0.0, contrast=0.0, blur=0.0, jpeg=100, noise=0.0, cutout=0.0,
    label_smoothing=0.0, ema=0.0, location=0.0,
)  # fmt: skip
RECIPES: dict[str, dict[str, Recipe]] = {
    "mobilenetv2": {"default": Recipe(), "predecessor": PREDECESSOR},
    "resnet50": {
        "default": Recipe(
            views=24, head_views=4, head_strength=0.0075, learning_rate=1e-4, first_trained="conv4_block1", zoom=0.0
        ),
        # Scaled by 1/255 alone, its pixels are too small for ImageNet's statistics to tell anything apart.
        "predecessor": replace(PREDECESSOR, first_trained="conv4", batch_norm="estimated"),
    },
}


def add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    """Add --recipe and a flag for each field of `Recipe`; a flag that is left out keeps the recipe's value."""
    names = sorted({name for recipes in RECIPES.values() for name in recipes})
    parser.add_argument(
        "--recipe", choices=names, default="default", help="named set of choices; flags change single ones"
    )
    group = parser.add_argument_group("choices of the recipe")
    for option in fields(Recipe):
        flag, text = "--" + option.name.replace("_", "-"), f"{option.metadata['help']} ({_defaults(option.name)})"
        text = text.replace("%", "%%")
        if isinstance(option.default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(
                flag, type=type(option.default), default=None, metavar=_metavar(option.default), help=text
            )


def recipe_from(arguments: argparse.Namespace) -> Recipe:
    """The named recipe of the chosen backbone, with the flags that were given.

    Raises:
        BonexrayError: a value outside its set or range.
    """
    given = {option.name: getattr(arguments, option.name) for option in fields(Recipe)}
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(RECIPES[arguments.backbone][arguments.recipe], **changes)


def _defaults(name: str) -> str:
    """Say the default of a choice, or each network's where they differ."""
    values = {network: getattr(recipes["default"], name) for network, recipes in RECIPES.items()}
    if len(set(values.values())) == 1:
        return f"default: {values.popitem()[1]!r}"
    return "default: " + ", ".join(f"{value!r} for {network}" for network, value in values.items())


def _metavar(default: object) -> str:
    return {int: "N", float: "X", str: "NAME"}[type(default)]
