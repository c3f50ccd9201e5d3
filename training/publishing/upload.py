"""Makes a repository on the Hub hold the files of a folder: one commit, none when nothing changed, and a tag."""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bonexray.checkpoint import hash_file
from bonexray.errors import HubError
from bonexray.hub import REPO_NAME
from bonexray.hub_errors import explained, patiently


@dataclass(frozen=True)
class Target:
    """A repository on the Hub.

    Attributes:
        repo: "owner/name".
        kind: "model", "dataset" or "space".
        private: whether it must be hidden from others.
        tag: name for the commit, or None.
    """

    repo: str
    kind: str = "model"
    private: bool = False
    tag: str | None = None

    def __post_init__(self) -> None:
        """Raise HubError unless the name can be one."""
        if not REPO_NAME.fullmatch(self.repo):
            raise HubError(f"{self.repo!r} is no name on the Hub: expected 'owner/name'")


def add_upload_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what every upload takes, the same for one repository and for a whole release."""
    add = parser.add_argument
    add("--tag", help="name for each commit, such as v1; a tag never moves")
    add("--private", action="store_true", help="hide each repository from others")
    add("--dry-run", action="store_true", help="list every file with its size, and upload nothing")


def list_files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their path in the repository."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def upload(folder: Path, target: Target, message: str) -> str:
    """Publish a folder and return the commit that holds it.

    The large files go first and belong to nothing until the one commit names them, so that a failure
    on the way leaves what was published before, and the same command completes it.

    Args:
        folder: its files become the repository's.
        target: the repository, created if need be.
        message: title of the commit, if one is needed.

    Raises:
        HubError: no access, the tag names other content, or someone else published at the same time.
    """
    with explained(target.repo):
        return patiently(lambda: _upload_once(list_files(folder), target, message))


def set_variable(space: str, name: str, value: str) -> None:
    """Set an environment variable of a Space, unless it has that value: setting it restarts the Space.

    Raises:
        HubError: no access.
    """
    from huggingface_hub import HfApi

    api = HfApi(library_name="bonexray")

    def set_once() -> None:
        held = api.get_space_variables(space).get(name)
        if held is None or held.value != value:
            api.add_space_variable(space, name, value)

    with explained(space):
        patiently(set_once)


def _upload_once(files: dict[str, Path], target: Target, message: str) -> str:
    from huggingface_hub import HfApi

    api = HfApi(library_name="bonexray")
    sdk = "gradio" if target.kind == "space" else None
    api.create_repo(target.repo, repo_type=target.kind, private=target.private or None, space_sdk=sdk, exist_ok=True)
    info = api.repo_info(target.repo, repo_type=target.kind)
    if target.private and not info.private:
        raise HubError(f"{target.repo} exists and is public: change that in its settings, or leave out --private")
    tagged = _find_tag(api, target)
    if tagged is not None:
        if _changes(files, target, _remote_hashes(api, target, tagged)):
            raise HubError(f"tag {target.tag!r} of {target.repo} already names other content: expected a new tag")
        return tagged
    head = str(info.sha)
    changes = _changes(files, target, _remote_hashes(api, target, head))
    if changes:
        head = api.create_commit(
            target.repo, changes, commit_message=message, repo_type=target.kind, parent_commit=head
        ).oid  # fmt: skip
    if target.tag is not None:
        api.create_tag(target.repo, tag=target.tag, revision=head, repo_type=target.kind)
    return head


def _find_tag(api: Any, target: Target) -> str | None:  # noqa: ANN401 - HfApi, imported lazily
    refs = api.list_repo_refs(target.repo, repo_type=target.kind)
    return next((tag.target_commit for tag in refs.tags if tag.name == target.tag), None)


def _remote_hashes(api: Any, target: Target, revision: str) -> dict[str, str]:  # noqa: ANN401
    """Return each file's SHA-256 where the Hub keeps it as a large file, else its git hash."""
    from huggingface_hub import RepoFile

    tree = api.list_repo_tree(target.repo, recursive=True, revision=revision, repo_type=target.kind)
    return {
        entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in tree if isinstance(entry, RepoFile)
    }


def _changes(files: dict[str, Path], target: Target, remote: dict[str, str]) -> list[Any]:
    """Return the commit's operations: what is new or other, and what a Space must no longer hold."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [name for name, path in files.items() if remote.get(name) not in _hashes(path)]
    # What a Space keeps would run; the Hub's own rules for large files are in .gitattributes.
    stale = [name for name in remote if target.kind == "space" and name not in files and name != ".gitattributes"]
    deletions = [CommitOperationDelete(name, is_folder=False) for name in stale]
    return [CommitOperationAdd(name, files[name]) for name in added] + deletions


def _hashes(path: Path) -> tuple[str, str]:
    content = path.read_bytes()
    git_object = b"blob %d\0" % len(content) + content
    return hash_file(path), hashlib.sha1(git_object, usedforsecurity=False).hexdigest()
