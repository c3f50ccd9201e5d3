"""`python -m training cross-validate`: train a recipe once for each fold held out, and measure it so."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

from bonexray.errors import BonexrayError
from training import evaluate
from training.data.roles import NOTHING
from training.data.split import FOLDS
from training.learning.recipe import add_recipe_flags
from training.making.cross_calibration import answer_out_of_fold, cross_calibrate
from training.making.plan import Plan, make_plan
from training.train import add_training_flags, train

REPORT = "report"
log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of `cross-validate`."""
    parser.description = (
        "Train the recipe once for each fold, that fold held out, calibrate each network on what the others say of the "
        "folds that they never saw, and evaluate the five together: OUTPUT/fold0 to fold4, OUTPUT/out_of_fold.csv for "
        "`train --calibration OUTPUT`, and OUTPUT/report with predictions.parquet. The test part stays unused. "
        "What is finished is not trained again; a killed run goes on. `evaluate CHECKPOINT --from-predictions "
        "OUTPUT/report/predictions.parquet` then puts the figures into a checkpoint of the same recipe."
    )
    add_training_flags(parser)
    add = parser.add_argument
    add("--output", type=Path, help="folder to write to (default: runs/cv/NETWORK)")
    add("--robustness", action=argparse.BooleanOptionalAction, default=True, help="evaluate on perturbed images too")
    add_recipe_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train what is not finished, then evaluate; the exit status is that of `evaluate`."""
    folder = arguments.output or Path("runs") / "cv" / arguments.backbone
    planned = list(plans(arguments, folder))
    for plan in planned:
        if plan.finished:
            log.info("%s is finished already", plan.output)
        else:
            _train_afresh(plan)
    answers = answer_out_of_fold(planned, folder)
    for plan in planned:
        cross_calibrate(plan, answers)
    return evaluate_folds(arguments, folder)


def plans(arguments: argparse.Namespace, folder: Path) -> Iterator[Plan]:
    """Plan the training of each fold.

    Raises:
        BonexrayError: a flag makes no training, or the recipe's split has no folds.
    """
    for fold in FOLDS:
        parts = {"hold_out": fold, "validation": NOTHING, "calibration": None, "output": folder / fold}
        plan = make_plan(argparse.Namespace(**(vars(arguments) | parts)))
        if plan.recipe.split != "grouped":
            raise BonexrayError(f"split={plan.recipe.split!r} has no folds to hold out: expected 'grouped'")
        yield plan


def evaluate_folds(arguments: argparse.Namespace, folder: Path) -> int:
    """Evaluate the five networks of a folder together."""
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    flags = ["--data", arguments.data, "--output", str(folder / REPORT), "--cache", str(arguments.cache)]
    flags += ["--marks", str(arguments.marks)] if arguments.marks else []
    flags += ["--no-baselines", "--robustness" if arguments.robustness else "--no-robustness"]
    return evaluate.run(parser.parse_args([*(str(folder / fold) for fold in FOLDS), *flags]))


def _train_afresh(plan: Plan) -> None:
    import keras

    keras.utils.clear_session()
    train(plan)
