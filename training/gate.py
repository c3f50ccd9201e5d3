"""`python -m training gate`: fit the gate of a checkpoint, which refuses what is no radiograph, without training."""

import argparse
from pathlib import Path

from bonexray.checkpoint import read_checkpoint
from bonexray.errors import BonexrayError
from training.copying.sources import read_table
from training.data.readers import CACHE
from training.data.roles import assign_roles
from training.making.gating import add_gate
from training.making.provenance import describe_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the checkpoint and its data."""
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder; its classifier.json is rewritten")
    parser.add_argument("--data", required=True, help="the data set that it was trained on")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="without a validation part: the folder of the "
        "recipe's `cross-validate`, as for `train`")  # fmt: skip
    parser.add_argument("--others", type=Path, metavar="DIR", help="folder of pictures that are no radiographs: "
        "photographs, documents, other medical pictures; they are told apart besides generated ones")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"folder for what is found again (default: {CACHE})")


def run(arguments: argparse.Namespace) -> None:
    """Fit the gate on the parts that the training used, and try it on the part that it did not."""
    provenance = read_checkpoint(arguments.checkpoint).provenance
    data, split = provenance.get("data", {}), provenance.get("recipe", {}).get("split", "grouped")
    table = read_table(arguments.data, arguments.cache)
    roles = assign_roles(table, split, data.get("validation", "fold0"), data.get("held_out", "test"))
    found = describe_data(table, roles, arguments.data)
    for key in ("fingerprint", "split"):
        if found[key] != data.get(key):
            raise BonexrayError(
                f"the {key} of these data is {found[key]}: expected {data.get(key)}, as in the training"
            )
    add_gate(arguments.checkpoint, roles, arguments.calibration, arguments.others)
