"""Publishes one thing on the Hub: a checkpoint with its card, the rows of the split, or the Space."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bonexray.checkpoint import LAYOUT, read_checkpoint, verify_files
from bonexray.errors import CheckpointError
from training.card import render_card
from training.upload import Target, list_files, upload


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.description = (
        "Upload a checkpoint in one commit, with the card that model_card.md gives. The same content makes no second "
        "commit. The token is the one that `hf auth login` stored, or HF_TOKEN."
    )
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder with classifier.json")
    parser.add_argument("repo", metavar="OWNER/NAME", help="model repository on the Hub; created if need be")
    parser.add_argument("--tag", help="name for the commit, such as v1")
    parser.add_argument("--private", action="store_true", help="hide the repository from others")
    parser.add_argument("--dataset", action="append", default=[], metavar="OWNER/NAME", help="data set for the card")
    parser.add_argument("--dry-run", action="store_true", help="list every file with its size, and upload nothing")


def run(args: argparse.Namespace) -> None:
    """Publish a checkpoint, or show what would be published."""
    target = Target(args.repo, private=args.private, tag=args.tag)
    with tempfile.TemporaryDirectory(prefix="bonexray-publish-") as scratch:
        staged = stage_checkpoint(args.checkpoint, Path(scratch) / "checkpoint", target, tuple(args.dataset))
        publish(staged, target, f"bonexray {read_checkpoint(staged).backbone}", dry_run=args.dry_run)


def publish(folder: Path, target: Target, message: str, *, dry_run: bool) -> str | None:
    """Upload a staged folder and say so, or list it; return the commit, or None after a dry run."""
    if dry_run:
        sizes = {name: path.stat().st_size for name, path in list_files(folder).items()}
        lines = [f"{size:>13,}  {name}" for name, size in sizes.items()]
        lines.append(f"{sum(sizes.values()):>13,}  bytes in {len(sizes)} files for the {target.kind} {target.repo}")
        sys.stdout.write("\n".join(lines) + "\n")
        return None
    commit = upload(folder, target, message)
    sys.stdout.write(f"{target.kind} {target.repo} at {commit}" + (f", tag {target.tag}" if target.tag else "") + "\n")
    return commit


def stage_checkpoint(folder: Path, into: Path, target: Target, datasets: tuple[str, ...] = ()) -> Path:
    """Write everything that a model repository holds into a fresh folder, and return it.

    Keras' weights are rebuilt where the checkpoint leaves them out, as the bundled ones do.

    Raises:
        BonexrayError: the folder is no whole checkpoint.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder: expected a checkpoint with {LAYOUT.classifier}")
    read_checkpoint(folder)
    if all((folder / name).is_file() for name in LAYOUT.keras):
        into.mkdir(parents=True)
        for name in (*LAYOUT.serving, *LAYOUT.keras):
            shutil.copyfile(folder / name, into / name)
    else:
        from training.export import complete

        complete(folder, into)
    staged = read_checkpoint(into)
    verify_files(into, staged, (LAYOUT.network, *LAYOUT.keras))
    (into / LAYOUT.card).write_text(render_card(staged, target.repo, target.tag, datasets), "utf-8")
    return into
