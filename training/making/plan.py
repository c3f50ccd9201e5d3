"""The plan of a training run: what it will do and on what, known before it begins."""

import argparse
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bonexray.checkpoint import LAYOUT, read_checkpoint
from bonexray.errors import BonexrayError
from training.copying.sources import read_with_copies
from training.data.marks import BOX, read_marks
from training.data.roles import NOTHING, assign_roles
from training.learning.recipe import RECIPES, Recipe, recipe_from
from training.making.answers import read_answers
from training.making.provenance import describe_data, describe_marks, describe_weights, digest_run, refuse_seen
from training.making.record import check_replaceable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """One training run.

    Attributes:
        backbone: "mobilenetv2" or "resnet50".
        initial: where the weights come from, as `build_network` takes it.
        recipe: every choice.
        named: the recipe's name.
        output: the checkpoint folder.
        cache: folder of pixels and features that runs share.
        table: the data set.
        roles: its rows by role.
        data: what the record will say of them, with the names of the validation and held-out part.
        weights: what the record will say of the initial weights.
        marks: boxes of the training images' fractures, as `read_marks` gives them; empty to train without.
        calibration: folder of a cross-validation of the recipe, to calibrate on where there is no validation part.
        answers: the out-of-fold answers in it, as `read_answers` gives them.
    """

    backbone: str
    initial: str
    recipe: Recipe
    named: str
    output: Path
    cache: Path
    table: pd.DataFrame
    roles: dict[str, pd.DataFrame]
    data: dict[str, Any]
    weights: dict[str, str]
    marks: pd.DataFrame
    calibration: Path | None = None
    answers: pd.DataFrame | None = None

    @property
    def digest(self) -> str:
        """The same only for a run that would give the same result."""
        return digest_run(self.recipe, data=self.data, weights=self.weights)

    @property
    def provenance(self) -> dict[str, Any]:
        """What the record will say of the recipe, the data and the initial weights."""
        recipe = {"name": self.named, **self.recipe.as_dict()}
        return {"recipe": recipe, "data": self.data, "weights": self.weights, "digest": self.digest}

    @property
    def work(self) -> Path:
        """The folder of this run's state, until it is finished."""
        return self.output.with_name(f"{self.output.name}.state-{self.digest}")

    @property
    def finished(self) -> bool:
        """Whether the output is the checkpoint of this very run."""
        if not (self.output / LAYOUT.classifier).is_file():
            return False
        return read_checkpoint(self.output).provenance.get("digest") == self.digest


def make_plan(arguments: argparse.Namespace) -> Plan:
    """Read the data and assign its roles, as the flags of `train` say.

    Raises:
        BonexrayError: a flag, the data or the weights make no training, or the cross-validation to calibrate on is
            unfinished or of another recipe.
    """
    if arguments.backbone not in RECIPES:
        raise BonexrayError(f"unknown network {arguments.backbone!r}: expected one of {', '.join(RECIPES)}")
    if arguments.validation == arguments.hold_out != NOTHING:
        raise BonexrayError(f"{arguments.hold_out} cannot be both --validation and --hold-out: expected two parts")
    if arguments.calibration and arguments.validation != NOTHING:
        raise BonexrayError(f"--calibration {arguments.calibration} and --validation {arguments.validation} choose the "
            "same: expected --validation none, or no --calibration")  # fmt: skip
    if arguments.weights not in ("imagenet", "none") and not Path(arguments.weights).exists():
        raise BonexrayError(f"weights {arguments.weights!r} do not exist: expected 'imagenet', a file or a folder")
    output = arguments.output or Path("runs") / arguments.backbone
    check_replaceable(output)
    recipe = recipe_from(arguments)
    table, pairs = read_with_copies(arguments.data, arguments.cache)
    roles = assign_roles(table, recipe.split, arguments.validation, arguments.hold_out, pairs)
    before = _data_before(arguments.weights)
    if recipe.split == "grouped":
        for role, part in (("validation", arguments.validation), ("test", arguments.hold_out)):
            refuse_seen(roles[role], before, f"the checkpoint {arguments.weights}", f"images of {part}")
    marks = _marks_of(roles["train"], recipe, arguments.marks, table)
    names = {"validation": arguments.validation, "held_out": arguments.hold_out}
    if recipe.split == "official":
        names = {"validation": "official val", "held_out": "official test"}
    plan = Plan(
        backbone=arguments.backbone,
        initial=arguments.weights,
        recipe=recipe,
        named=arguments.recipe,
        output=output,
        cache=arguments.cache,
        table=table,
        roles=roles,
        data=describe_data(table, roles, arguments.data, before) | names | describe_marks(arguments.marks, marks),
        weights=describe_weights(arguments.weights, _start_of(arguments.backbone, arguments.weights)),
        marks=marks,
        calibration=arguments.calibration,
    )
    return replace(plan, answers=read_answers(plan.calibration, plan.provenance)) if plan.calibration else plan


def _marks_of(train: pd.DataFrame, recipe: Recipe, path: Path | None, table: pd.DataFrame) -> pd.DataFrame:
    """The boxes of training images; none where the recipe leaves them out."""
    if not recipe.location:
        return pd.DataFrame(columns=["file", *BOX])
    marks = read_marks(path, table)
    marks = marks[marks["file"].isin(train["file"])]
    log.info("the fractures of %d training images are marked", marks["file"].nunique())
    return marks


def _data_before(weights: str) -> dict[str, Any]:
    """What a checkpoint that the training goes on from says of its own data; nothing of other weights."""
    return read_checkpoint(Path(weights)).provenance.get("data", {}) if Path(weights).is_dir() else {}


def _start_of(backbone: str, weights: str) -> str:
    from training.learning.initialisation import initialised_layers

    return initialised_layers(backbone, weights)
