"""`python -m training publish`: upload a checkpoint with its card, the rows of a split, or the Space."""

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bonexray.checkpoint import LAYOUT
from bonexray.errors import BonexrayError
from training.publishing.staging import ROWS, stage_checkpoint, stage_rows, stage_space
from training.publishing.upload import Target, add_upload_flags, list_files, set_variable, upload

PIN = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", re.ASCII)
MODELS_VARIABLE = "BONEXRAY_MODELS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.description = (
        "Upload in one commit; the same content makes no second one. A checkpoint goes with the card that "
        "model_card.md gives (of data that the project does not know, it tells what was recorded); a split goes as "
        "the rows that `audit` wrote, without images. The token is the one that `hf auth login` stored, or HF_TOKEN."
    )
    add = parser.add_argument
    add("what", metavar="WHAT", help="checkpoint folder, rows/ folder of an audit, or the word 'space'")
    add("repo", metavar="OWNER/NAME", help="repository on the Hub; created if need be")
    add("--dataset", action="append", default=[], metavar="OWNER/NAME", help="published data set that the card shall "
        "name; nothing of it is uploaded")  # fmt: skip
    add("--model", action="append", default=[], metavar="OWNER/NAME@COMMIT", help="published network that the Space "
        "shall serve")  # fmt: skip
    add_upload_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Publish one thing, or show what would be published."""
    with tempfile.TemporaryDirectory(prefix="bonexray-publish-") as scratch:
        into = Path(scratch) / "staged"
        target = Target(args.repo, _kind(args.what), args.private, args.tag)
        if target.kind == "space":
            publish_space(into, target, args.model, args.dataset, dry_run=args.dry_run)
        elif target.kind == "model":
            stage_checkpoint(Path(args.what), into, args.repo, args.tag, args.dataset)
            publish(into, target, dry_run=args.dry_run)
        else:
            publish(stage_rows(Path(args.what), into, args.repo), target, dry_run=args.dry_run)


def publish(folder: Path, target: Target, *, dry_run: bool = False) -> str:
    """Upload a staged folder and say so; or list it. Return the commit, after a dry run "COMMIT"."""
    if dry_run:
        sizes = {name: path.stat().st_size for name, path in list_files(folder).items()}
        lines = [f"{size:>13,}  {name}" for name, size in sizes.items()]
        lines.append(f"{sum(sizes.values()):>13,}  bytes in {len(sizes)} files for the {target.kind} {target.repo}")
        sys.stdout.write("\n".join(lines) + "\n")
        return "COMMIT"
    commit = upload(folder, target, f"Publish {target.tag or 'a new version'}")
    sys.stdout.write(f"{target.kind} {target.repo} at {commit}" + (f", tag {target.tag}" if target.tag else "") + "\n")
    return commit


def publish_space(
    into: Path, target: Target, models: Sequence[str], datasets: Sequence[str] = (), *, dry_run: bool = False
) -> str:
    """Upload the page, then point it at exact commits of the models; until then it serves the ones of before.

    Raises:
        BonexrayError: a model is not pinned to a commit.
    """
    wrong = [model for model in models if not (PIN.fullmatch(model) or dry_run)]
    if wrong or not models:
        shown = f"--model {wrong[0]!r}" if wrong else "no --model"
        raise BonexrayError(f"{shown}: the Space needs its models as owner/name@commit, 40 hexadecimal digits")
    commit = publish(stage_space(into, models, datasets), target, dry_run=dry_run)
    if dry_run:
        sys.stdout.write(f"{MODELS_VARIABLE}={','.join(models)}\n")
    else:
        set_variable(target.repo, MODELS_VARIABLE, ",".join(models))
    return commit


def _kind(what: str) -> str:
    if what == "space":
        return "space"
    folder = Path(what)
    if (folder / LAYOUT.classifier).exists() or (folder / LAYOUT.network).exists():
        return "model"
    if (folder / ROWS).exists():
        return "dataset"
    raise BonexrayError(f"{what} is no folder with {LAYOUT.classifier} or {ROWS}, nor the word 'space'")
