"""What the Hub keeps: blobs by their hash, and repositories whose commits each hold a whole tree."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

TOKEN = "hf_test"
USER = "tester"


class Rejection(Exception):
    """An error that the Hub answers with: an HTTP status, the Hub's own code, and a message."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        """Keep the three parts for the error handler."""
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Entry:
    """A file in a tree: where its bytes are, and the hash by which git knows it."""

    sha256: str
    size: int
    oid: str
    lfs: bool

    def describe(self, path: str) -> dict[str, Any]:
        """Return the file as the tree endpoints list it."""
        shown: dict[str, Any] = {"type": "file", "path": path, "size": self.size, "oid": self.oid}
        if self.lfs:
            size = len(lfs_pointer(self.sha256, self.size))
            shown["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": size}
        return shown


Tree = dict[str, Entry]


@dataclass(frozen=True)
class Commit:
    """A state of a repository."""

    title: str
    message: str
    date: str
    parent: str | None
    tree: Tree


@dataclass
class Repo:
    """A model, dataset or Space."""

    kind: str
    name: str
    private: bool = False
    sdk: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def resolve(self, revision: str) -> str:
        """Return the commit that a branch, tag or commit names."""
        name = unquote(revision).removeprefix("refs/heads/").removeprefix("refs/tags/")
        sha = self.branches.get(name) or self.tags.get(name) or (name if name in self.commits else None)
        if sha is None:
            raise Rejection(404, "RevisionNotFound", f"Invalid rev id: {name}")
        return sha

    def commit(self, branch: str, title: str, message: str, tree: Tree) -> str:
        """Add a commit to a branch and return its hash."""
        parent = self.branches.get(branch)
        date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        content = [parent, title, date, sorted((path, entry.oid) for path, entry in tree.items()), time.monotonic_ns()]
        sha = hashlib.sha1(json.dumps(content).encode()).hexdigest()
        self.commits[sha] = Commit(title, message, date, parent, tree)
        self.branches[branch] = sha
        return sha

    def history(self, revision: str = "main") -> list[str]:
        """Return the commits of a branch, newest first."""
        found, sha = [], self.resolve(revision)
        while sha is not None:
            found.append(sha)
            sha = self.commits[sha].parent
        return found


class Store:
    """All repositories of the Hub, and the folder with their blobs."""

    def __init__(self, root: Path) -> None:
        """Start empty in a folder."""
        self.root = root
        self.repos: dict[str, Repo] = {}
        self.lock = threading.RLock()
        (root / "blobs").mkdir(parents=True, exist_ok=True)

    def blob(self, sha256: str) -> Path:
        """Return where a blob lies, or would lie."""
        return self.root / "blobs" / sha256

    def add_bytes(self, content: bytes) -> Entry:
        """Keep a small file and return its entry."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.blob(sha256).write_bytes(content)
        return Entry(sha256, len(content), git_oid(content), lfs=False)

    def find(self, kind: str, name: str) -> Repo:
        """Return a repository; `kind` is "model", "dataset" or "space"."""
        repo = self.repos.get(f"{kind}/{name}")
        if repo is None:
            raise Rejection(404, "RepoNotFound", "Repository not found")
        return repo

    def read(self, kind: str, name: str, path: str, revision: str = "main") -> bytes:
        """Return the content of a file."""
        repo = self.find(kind, name)
        return self.blob(repo.commits[repo.resolve(revision)].tree[path].sha256).read_bytes()


def git_oid(content: bytes) -> str:
    """Return the hash that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """Return the text that stands in git for a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
