"""The Hub's transfers: large files by the Git LFS protocol, commits, and downloads."""

import base64
import fnmatch
import hashlib
import json
import time
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from loopback_hub.repos import find_commit, find_repo, require_user, store_of
from loopback_hub.store import Entry, Rejection, Store, Tree, git_oid, lfs_pointer

# The real Hub takes the LFS path over 10 MB, or where .gitattributes says so; these are its defaults.
LFS_BYTES = 10 * 1024 * 1024
LFS_GLOBS = ("*.keras", "*.h5", "*.safetensors", "*.parquet", "*.bin", "*.arrow", "*.npz", "*.tflite")


async def preupload(request: Request) -> Response:
    """Say of each file whether it goes by LFS, and which content the repository holds already."""
    require_user(request)
    _, commit = find_commit(request)
    files = []
    for file in (await request.json())["files"]:
        path, held = file["path"], commit.tree.get(file["path"])
        lfs = file["size"] >= LFS_BYTES or any(fnmatch.fnmatch(path, glob) for glob in LFS_GLOBS)
        answer = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        files.append(answer | ({"oid": held.sha256 if held.lfs else held.oid} if held else {}))
    return JSONResponse({"files": files})


async def lfs_batch(request: Request) -> Response:
    """Say where to put each large file that is not here yet."""
    require_user(request)
    base, objects = str(request.base_url).rstrip("/"), []
    for wanted in (await request.json())["objects"]:
        answer: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if not store_of(request).blob(wanted["oid"]).exists():
            upload, verify = f"{base}/_lfs/{wanted['oid']}", f"{base}/_lfs/verify"
            answer["actions"] = {"upload": {"href": upload, "header": {}}, "verify": {"href": verify, "header": {}}}
        objects.append(answer)
    body = {"transfer": "basic", "objects": objects}
    return JSONResponse(body, media_type="application/vnd.git-lfs+json")


async def lfs_put(request: Request) -> Response:
    """Take a large file, and keep it only when its bytes have the announced hash."""
    sha256, store, digest = request.path_params["sha256"], store_of(request), hashlib.sha256()
    arriving = store.root / f"arriving-{sha256}-{time.monotonic_ns()}"
    try:
        with arriving.open("wb") as file:
            async for chunk in request.stream():
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            raise Rejection(422, None, "sha256 mismatch")
        arriving.replace(store.blob(sha256))
    finally:
        arriving.unlink(missing_ok=True)
    return Response(headers={"ETag": f'"{sha256}"'})


async def lfs_verify(request: Request) -> Response:
    """Confirm that a large file has arrived whole."""
    asked = await request.json()
    blob = store_of(request).blob(asked["oid"])
    if not blob.exists() or blob.stat().st_size != asked["size"]:
        raise Rejection(422, None, "verify failed")
    return JSONResponse({})


async def lfs_get(request: Request) -> Response:
    """Send a large file; part of it on a Range request."""
    blob = store_of(request).blob(request.path_params["sha256"])
    return FileResponse(blob, media_type="application/octet-stream")


async def commit(request: Request) -> Response:
    """Apply a list of changes as one commit, or none of them."""
    require_user(request)
    lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    repo, store, branch = find_repo(request), store_of(request), unquote(request.path_params["revision"])
    with store.lock:
        head = repo.resolve(branch)
        if header.get("parentCommit") and not head.startswith(header["parentCommit"]):
            raise Rejection(412, None, "A commit has happened since. Please refresh and try again.")
        tree = dict(repo.commits[head].tree)
        for line in lines:
            apply_change(store, tree, line["key"], line["value"])
        sha = repo.commit(branch, header["summary"], header.get("description", ""), tree)
    url = f"{str(request.base_url).rstrip('/')}/{repo.name}/commit/{sha}"
    return JSONResponse({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})


def apply_change(store: Store, tree: Tree, key: str, value: dict[str, Any]) -> None:
    """Change a tree by one line of a commit request."""
    if key == "file":
        tree[value["path"]] = store.add_bytes(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        tree[value["path"]] = large_entry(store, value["oid"])
    elif key == "deletedFile" and tree.pop(value["path"], None) is None:
        raise Rejection(404, "EntryNotFound", "A file with this name doesn't exist")
    elif key == "deletedFolder":
        for path in [path for path in tree if path.startswith(value["path"].rstrip("/") + "/")]:
            del tree[path]


def large_entry(store: Store, sha256: str) -> Entry:
    """Return the entry of an uploaded large file."""
    if not store.blob(sha256).exists():
        raise Rejection(400, None, f"LFS object {sha256} was never uploaded")
    size = store.blob(sha256).stat().st_size
    return Entry(sha256, size, git_oid(lfs_pointer(sha256, size)), lfs=True)


async def download(request: Request) -> Response:
    """Send a file, or the address of a large one.

    The redirect names another host than the Hub's (localhost, not 127.0.0.1), as the real one
    does: on the same host the client would follow it, and miss the commit in these headers.
    """
    sha, found = find_commit(request)
    entry = found.tree.get(unquote(request.path_params["path"]))
    if entry is None:
        raise Rejection(404, "EntryNotFound", "Entry not found")
    headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes", "ETag": f'"{entry.oid}"'}
    if not entry.lfs:
        blob = store_of(request).blob(entry.sha256)
        return FileResponse(blob, headers=headers, media_type="application/octet-stream")
    headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    location = f"http://localhost:{request.url.port}/_lfs/{entry.sha256}"
    return Response(status_code=302, headers=headers | {"Location": location})
