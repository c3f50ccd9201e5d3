"""The Hub as a server on a port of this machine, running in a thread of the tests."""

import socket
import threading
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from loopback_hub import repos, transfers
from loopback_hub.faults import Fault, FaultyApp
from loopback_hub.store import Rejection, Repo, Store

API = "/api/{kinds}/{owner}/{name}"
ROUTES = [
    Route("/api/whoami-v2", repos.whoami),
    Route("/api/repos/create", repos.create_repo, methods=["POST"]),
    Route("/api/repos/delete", repos.delete_repo, methods=["DELETE"]),
    Route("/api/validate-yaml", repos.validate_card, methods=["POST"]),
    Route(API, repos.repo_info),
    Route(API + "/revision/{revision}", repos.repo_info),
    Route(API + "/tree/{revision}", repos.list_tree),
    Route(API + "/tree/{revision}/{path:path}", repos.list_tree),
    Route(API + "/paths-info/{revision}", repos.paths_info, methods=["POST"]),
    Route(API + "/refs", repos.list_refs),
    Route(API + "/tag/{revision}", repos.create_tag, methods=["POST"]),
    Route(API + "/variables", repos.set_variable, methods=["POST"]),
    Route(API + "/variables", repos.list_variables),
    Route(API + "/preupload/{revision}", transfers.preupload, methods=["POST"]),
    Route(API + "/commit/{revision}", transfers.commit, methods=["POST"]),
    Route("/_lfs/verify", transfers.lfs_verify, methods=["POST"]),
    Route("/_lfs/{sha256}", transfers.lfs_put, methods=["PUT"]),
    Route("/_lfs/{sha256}", transfers.lfs_get),
    Route("/{owner}/{name}.git/info/lfs/objects/batch", transfers.lfs_batch, methods=["POST"]),
    Route("/{kinds}/{owner}/{name}.git/info/lfs/objects/batch", transfers.lfs_batch, methods=["POST"]),
    Route("/{owner}/{name}/resolve/{revision}/{path:path}", transfers.download),
    Route("/{kinds}/{owner}/{name}/resolve/{revision}/{path:path}", transfers.download),
]


class LoopbackHub:
    """A running Hub.

    Attributes:
        url: its address, for `HF_ENDPOINT`.
        store: what it keeps.
        faults: what goes wrong next; append to it.
        calls: the requests so far, as "METHOD /path".
    """

    def __init__(self, listener: socket.socket) -> None:
        """Prepare a server on a bound socket; `reset` and `start` make it answer."""
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self.store: Store
        app = Starlette(routes=ROUTES, exception_handlers={Rejection: answer_rejection})
        app.state.hub = self
        faulty = FaultyApp(app, self.faults, self.calls)
        self._server = uvicorn.Server(uvicorn.Config(faulty, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)

    def reset(self, root: Path) -> None:
        """Forget all repositories, faults and calls, and keep blobs in a new folder."""
        self.store = Store(root)
        self.faults.clear()
        self.calls.clear()

    def start(self) -> None:
        """Serve until the process ends or `stop` is called."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join(5)

    def repo(self, name: str, kind: str = "model") -> Repo:
        """Return a repository, to look at or to change behind the client's back."""
        return self.store.find(kind, name)

    def put(self, name: str, files: dict[str, bytes], kind: str = "model") -> str:
        """Commit small files to a repository, created if need be, and return the commit."""
        repo = self.store.repos.setdefault(f"{kind}/{name}", Repo(kind, name))
        tree = repo.commits[repo.branches["main"]].tree if repo.branches else {}
        added = {path: self.store.add_bytes(content) for path, content in files.items()}
        return repo.commit("main", "by hand", "", tree | added)


async def answer_rejection(_: Request, error: Exception) -> Response:
    """Answer as the Hub does, with its error code in a header."""
    assert isinstance(error, Rejection)
    headers = {"X-Error-Message": error.message} | ({"X-Error-Code": error.code} if error.code else {})
    return JSONResponse({"error": error.message}, error.status, headers=headers)
