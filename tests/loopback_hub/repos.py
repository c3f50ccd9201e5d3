"""The Hub's answers about repositories: accounts, creation, listings, tags and Space variables."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from loopback_hub.store import TOKEN, USER, Commit, Rejection, Repo, Store, Tree, git_oid


def store_of(request: Request) -> Store:
    """Return the store that the server works on."""
    return request.app.state.hub.store


def require_user(request: Request) -> None:
    """Refuse a request without the right token."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if token != TOKEN:
        raise Rejection(401, None, "Invalid credentials in Authorization header" if token else "Unauthorized")


def find_repo(request: Request) -> Repo:
    """Return the repository in the address; a private one is missing to strangers, as on the Hub."""
    path = request.path_params
    repo = store_of(request).find(path.get("kinds", "models")[:-1], f"{path['owner']}/{path['name']}")
    if repo.private and request.headers.get("authorization") != f"Bearer {TOKEN}":
        raise Rejection(401, "RepoNotFound", "Repository not found")
    return repo


def find_commit(request: Request) -> tuple[str, Commit]:
    """Return the commit in the address, and its hash."""
    repo = find_repo(request)
    sha = repo.resolve(request.path_params.get("revision", "main"))
    return sha, repo.commits[sha]


async def whoami(request: Request) -> Response:
    """Name the account behind the token."""
    require_user(request)
    token = {"type": "access_token", "accessToken": {"displayName": "test", "role": "write"}}
    return JSONResponse({"type": "user", "id": USER, "name": USER, "fullname": USER, "orgs": [], "auth": token})


async def create_repo(request: Request) -> Response:
    """Create a repository with one empty commit."""
    require_user(request)
    asked = await request.json()
    kind, name = asked.get("type") or "model", f"{asked.get('organization') or USER}/{asked['name']}"
    store = store_of(request)
    url = f"{str(request.base_url).rstrip('/')}/{'' if kind == 'model' else kind + 's/'}{name}"
    with store.lock:
        if f"{kind}/{name}" in store.repos:
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        repo = store.repos[f"{kind}/{name}"] = Repo(kind, name, private, asked.get("sdk"))
        repo.commit("main", "initial commit", "", {})
    return JSONResponse({"url": url, "name": name, "id": name})


async def delete_repo(request: Request) -> Response:
    """Delete a repository."""
    require_user(request)
    asked = await request.json()
    name = f"{asked.get('organization') or USER}/{asked['name']}"
    if store_of(request).repos.pop(f"{asked.get('type') or 'model'}/{name}", None) is None:
        raise Rejection(404, "RepoNotFound", "Repository not found")
    return Response("OK")


async def repo_info(request: Request) -> Response:
    """Describe a repository at a revision, with the metadata of its card."""
    repo, (sha, commit) = find_repo(request), find_commit(request)
    card = read_card(store_of(request), commit.tree)
    shown: dict[str, Any] = {
        "_id": sha[:24], "id": repo.name, "author": repo.name.split("/")[0], "sha": sha, "private": repo.private,
        "gated": False, "disabled": False, "lastModified": commit.date, "createdAt": commit.date, "downloads": 0,
        "likes": 0, "tags": list(card.get("tags") or []), "cardData": card,
        "siblings": [{"rfilename": path} for path in sorted(commit.tree)],
    }  # fmt: skip
    if repo.kind == "model":
        shown |= {"library_name": card.get("library_name"), "pipeline_tag": card.get("pipeline_tag")}
        shown |= {"modelId": repo.name, "model-index": card.get("model-index")}
    if repo.kind == "space":
        shown["sdk"] = card.get("sdk") or repo.sdk
    return JSONResponse(shown)


def read_card(store: Store, tree: Tree) -> dict[str, Any]:
    """Return the YAML front matter of README.md, if there is one."""
    if "README.md" not in tree:
        return {}
    text = store.blob(tree["README.md"].sha256).read_text("utf-8")
    return yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}


async def list_tree(request: Request) -> Response:
    """List the files under a folder."""
    _, commit = find_commit(request)
    base = unquote(request.path_params.get("path", "")).strip("/")
    recursive = request.query_params.get("recursive", "").lower() in ("true", "1")
    found = list(walk(commit.tree, base + "/" if base else "", recursive))
    if base and not found:
        raise Rejection(404, "EntryNotFound", f"{base} does not exist")
    return JSONResponse(found)


def walk(tree: Tree, prefix: str, recursive: bool) -> Iterator[dict[str, Any]]:
    """Yield the files and folders below a prefix."""
    folders: set[str] = set()
    for path in sorted(path for path in tree if path.startswith(prefix)):
        parts = path[len(prefix) :].split("/")
        folders |= {prefix + "/".join(parts[:depth]) for depth in range(1, len(parts)) if recursive or depth == 1}
        if recursive or len(parts) == 1:
            yield tree[path].describe(path)
    yield from (describe_folder(folder) for folder in sorted(folders))


def describe_folder(path: str) -> dict[str, Any]:
    """Return a folder as the tree endpoints list it."""
    return {"type": "directory", "path": path, "size": 0, "oid": git_oid(path.encode())}


async def paths_info(request: Request) -> Response:
    """Describe the named files, leaving out those that do not exist."""
    _, commit = find_commit(request)
    is_json = "json" in request.headers.get("content-type", "")
    paths = (await request.json())["paths"] if is_json else (await request.form()).getlist("paths")
    found = [commit.tree[path].describe(path) for path in paths if path in commit.tree]
    found += [describe_folder(path) for path in paths if any(key.startswith(f"{path}/") for key in commit.tree)]
    return JSONResponse(found)


async def list_refs(request: Request) -> Response:
    """List branches and tags."""
    repo = find_repo(request)
    shown = {
        kind: [{"name": name, "ref": f"refs/{ref}/{name}", "targetCommit": sha} for name, sha in names.items()]
        for kind, ref, names in (("branches", "heads", repo.branches), ("tags", "tags", repo.tags))
    }
    return JSONResponse(shown | {"converts": [], "pullRequests": []})


async def create_tag(request: Request) -> Response:
    """Give a commit a name."""
    require_user(request)
    repo, tag = find_repo(request), (await request.json())["tag"]
    if tag in repo.tags:
        raise Rejection(409, None, f"Reference already exists: {tag}")
    repo.tags[tag] = repo.resolve(request.path_params["revision"])
    return JSONResponse({})


async def set_variable(request: Request) -> Response:
    """Set an environment variable of a Space."""
    require_user(request)
    space, asked = find_repo(request), await request.json()
    space.variables[asked["key"]] = asked["value"]
    return await list_variables(request)


async def list_variables(request: Request) -> Response:
    """List the environment variables of a Space."""
    return JSONResponse({key: {"value": value} for key, value in find_repo(request).variables.items()})


async def validate_card(request: Request) -> Response:
    """Accept a card whose front matter is a YAML mapping."""
    text = (await request.json())["content"]
    front = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}
    errors = [] if isinstance(front, dict) else [{"message": "the front matter is no mapping"}]
    return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)
