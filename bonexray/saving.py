"""Copies a loaded checkpoint elsewhere: into a folder, or into a repository on the Hub."""

import shutil
from pathlib import Path

from bonexray.checkpoint import LAYOUT, Checkpoint, verify_files
from bonexray.errors import CheckpointError, HubError
from bonexray.hub import REPO_NAME, Source
from bonexray.hub_errors import explained


def save_checkpoint(source: Source, checkpoint: Checkpoint, into: Path) -> None:
    """Copy every file of a checkpoint into a folder, `classifier.json` last.

    Until that file is there again, an interrupted copy is no checkpoint and is refused.

    Raises:
        CheckpointError: `into` is a file, or a file of the checkpoint is damaged.
        HubError: a file cannot be pulled.
    """
    if into.exists() and not into.is_dir():
        raise CheckpointError(f"{into} is a file: expected a folder to save a checkpoint in")
    folder = _fetch_all(source, checkpoint)
    if into.exists() and into.samefile(folder):
        return
    into.mkdir(parents=True, exist_ok=True)
    (into / LAYOUT.classifier).unlink(missing_ok=True)
    for name in {LAYOUT.network, *LAYOUT.keras} - set(checkpoint.files):
        (into / name).unlink(missing_ok=True)  # else a file of another checkpoint would lie beside ours
    for name in (*checkpoint.files, LAYOUT.classifier):
        shutil.copyfile(folder / name, into / name)


def push_checkpoint(source: Source, checkpoint: Checkpoint, repo: str, *, private: bool, token: str | None) -> str:
    """Upload every file of a checkpoint in one commit, and return it; a card that is there stays.

    Raises:
        CheckpointError: `repo` is no "owner/name".
        HubError: no access, or no network, or `private` for a repository that is public.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    if not REPO_NAME.fullmatch(repo):
        raise CheckpointError(f"{repo!r} is no name on the Hub: expected 'owner/name'")
    folder = _fetch_all(source, checkpoint)
    names = (LAYOUT.classifier, *checkpoint.files)
    api = HfApi(token=token, library_name="bonexray")
    with explained(repo, None):
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.repo_info(repo).private:
            raise HubError(f"{repo} exists and is public: change that in its settings, or leave out private=True")
        added = [CommitOperationAdd(name, folder / name) for name in names]
        return api.create_commit(repo, added, commit_message=f"bonexray {checkpoint.backbone}").oid


def _fetch_all(source: Source, checkpoint: Checkpoint) -> Path:
    """Make every file of the checkpoint available, each with the bytes that its record says."""
    folder = source.fetch((LAYOUT.classifier, *checkpoint.files))
    verify_files(folder, checkpoint, checkpoint.files)
    return folder
