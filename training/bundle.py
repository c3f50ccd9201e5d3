"""`python -m training bundle`: copy a checkpoint in the small form that is committed beside the app."""

import argparse
from pathlib import Path

from training.making.record import slim


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the folders."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder that `train` wrote")
    parser.add_argument("into", type=Path, help="folder to write, replaced whole: checkpoints/NETWORK")


def run(arguments: argparse.Namespace) -> None:
    """Copy everything but Keras' weights, which `keras_model()` rebuilds from the LiteRT network."""
    slim(arguments.checkpoint, arguments.into)
