"""`python -m training release`: publish models, split and Space in order, the Space pinned to these models."""

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

from bonexray.checkpoint import read_checkpoint
from bonexray.errors import BonexrayError
from training.publish import publish, publish_space
from training.publishing.staging import PROJECT, check_project, stage_checkpoint, stage_rows
from training.publishing.upload import Target, add_upload_flags

BUNDLED = PROJECT / "checkpoints"


class Staged(NamedTuple):
    """A folder that is ready to be uploaded, and where to."""

    folder: Path
    target: Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.description = (
        "Publish each checkpoint as OWNER/PREFIX-BACKBONE, the rows of the split as OWNER/PREFIX-split, and the "
        "page as the Space OWNER/PREFIX, which then serves exactly these commits. Everything is gathered and checked "
        "before the first upload; a release that was interrupted is completed by the same command."
    )
    add = parser.add_argument
    add("name", metavar="OWNER/PREFIX", help="the Space, and the beginning of all other names")
    add(
        "checkpoints", metavar="CHECKPOINT", nargs="*", type=Path, help="checkpoint folders (default: the bundled ones)"
    )
    add(
        "--rows",
        type=Path,
        metavar="DIR",
        help="rows/ folder of an audit: uploaded as the split, and named in the cards",
    )
    add_upload_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Release everything, or show what would be released."""
    check_project()
    folders = args.checkpoints or sorted(path for path in BUNDLED.glob("*") if path.is_dir())
    names = [f"{args.name}-{read_checkpoint(folder).backbone}" for folder in folders]
    if not names or len(set(names)) < len(names):
        raise BonexrayError(
            f"checkpoints {[str(folder) for folder in folders]}: expected one of each backbone to release"
        )
    datasets = [f"{args.name}-split"] if args.rows else []
    with tempfile.TemporaryDirectory(prefix="bonexray-release-") as scratch:
        staged = [
            Staged(
                stage_checkpoint(folder, Path(scratch) / name, name, args.tag, datasets), _target(args, name, "model")
            )
            for folder, name in zip(folders, names, strict=True)
        ]
        staged += [
            Staged(stage_rows(args.rows, Path(scratch) / name, name), _target(args, name, "dataset"))
            for name in datasets
        ]
        commits = {one.target.repo: publish(one.folder, one.target, dry_run=args.dry_run) for one in staged}
        pins = [f"{name}@{commits[name]}" for name in names]
        space = _target(args, args.name, "space")
        publish_space(Path(scratch) / "space", space, pins, datasets, dry_run=args.dry_run)


def _target(args: argparse.Namespace, name: str, kind: str) -> Target:
    return Target(name, kind, args.private, args.tag)
