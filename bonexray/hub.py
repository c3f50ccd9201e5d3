"""Where a checkpoint comes from: a folder on disk, or a model repository on the Hugging Face Hub."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bonexray.checkpoint import LAYOUT, hash_file
from bonexray.errors import HubError
from bonexray.hub_errors import explained, patiently

REPO_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
# The names that the Hub client gives its cached files are the hashes of their content.
GIT_HASH, SHA256 = 40, 64


@dataclass(frozen=True)
class Source:
    """A checkpoint's origin, and the folder on this disk that holds its files.

    Attributes:
        name: the folder or "owner/name", as the caller gave it.
        folder: where the files lie, absolute.
        revision: the commit on the Hub, 40 hexadecimal digits; None for a folder.
        token: Hub token, or None for the stored one.
        cache_dir: the download cache, or None for the Hub client's own.
        local_files_only: whether the network is left alone.
    """

    name: str
    folder: Path
    revision: str | None = None
    token: str | None = field(default=None, repr=False)
    cache_dir: Path | None = None
    local_files_only: bool = False

    def fetch(self, files: Iterable[str]) -> Path:
        """Make further files of the same commit available, and return the folder that holds them.

        A local folder is returned as it is: what it lacks cannot be fetched.

        Raises:
            HubError: the repository holds no such file, or cannot be reached.
        """
        return self.folder if self.revision is None else _pull(self, tuple(files)).folder


def resolve(
    folder_or_repo: str | os.PathLike[str],
    revision: str | None = None,
    *,
    token: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    files: Iterable[str] = LAYOUT.serving,
) -> Source:
    """Find a checkpoint: an existing folder wins, any other "owner/name" is pulled from the Hub.

    Args:
        folder_or_repo: a checkpoint folder, or "owner/name".
        revision: branch, tag or commit on the Hub; the default branch if None.
        token: Hub token; by default the stored one.
        cache_dir: where downloads are kept; by default the Hub client's own cache.
        local_files_only: never ask the network, use the cache alone.
        files: the names to pull; nothing else is downloaded.

    Raises:
        HubError: neither a folder nor a repository that can be had, or a revision for a folder.
    """
    name = os.fspath(folder_or_repo)
    if name and Path(name).is_dir():
        if revision is not None:
            raise HubError(f"revision {revision!r} was given for the folder {name}: it has none")
        return Source(name, Path(name).absolute())  # whatever becomes of the current folder
    if not REPO_NAME.fullmatch(name) or Path(name).exists():
        raise HubError(f"{name!r} is neither an existing folder nor a name on the Hub: expected 'owner/name'")
    cache = None if cache_dir is None else Path(cache_dir).absolute()
    wanted = Source(name, Path(), revision, token, cache, local_files_only)
    return _pull(wanted, tuple(files))


def _pull(wanted: Source, files: tuple[str, ...]) -> Source:
    found = _download(wanted, files)
    if _drop_damaged(found.folder, files):
        found = _download(wanted, files)
        if damaged := _drop_damaged(found.folder, files):
            raise HubError(f"{wanted.name}: {damaged[0]} arrived with other bytes than the Hub lists")
    for name in files:
        if not (found.folder / name).is_file():
            raise HubError(f"{wanted.name} at {found.revision} holds no {name}: expected a bonexray checkpoint")
    return found


def _download(wanted: Source, files: tuple[str, ...]) -> Source:
    from huggingface_hub import snapshot_download

    with explained(wanted.name, wanted.revision):
        folder = patiently(
            lambda: snapshot_download(
                wanted.name,
                revision=wanted.revision,
                token=wanted.token,
                cache_dir=wanted.cache_dir,
                local_files_only=wanted.local_files_only,
                allow_patterns=list(files),
                library_name="bonexray",
            )
        )
    return replace(wanted, folder=Path(folder), revision=Path(folder).name)


def _drop_damaged(folder: Path, files: Iterable[str]) -> list[str]:
    """Remove cached files whose bytes are not those that the Hub lists, and return their names.

    A plain HTTP download is checked by the client for its size alone, and a damaged file would
    otherwise stay in the cache for good.
    """
    damaged = []
    for name in files:
        blob = (folder / name).resolve()
        if blob.is_file() and blob.parent.name == "blobs" and not _is_intact(blob):
            (folder / name).unlink()
            blob.unlink(missing_ok=True)
            damaged.append(name)
    return damaged


def _is_intact(blob: Path) -> bool:
    if len(blob.name) == SHA256:
        return hash_file(blob) == blob.name
    if len(blob.name) == GIT_HASH:
        content = blob.read_bytes()
        git_object = b"blob %d\0" % len(content) + content
        return hashlib.sha1(git_object, usedforsecurity=False).hexdigest() == blob.name
    return True
