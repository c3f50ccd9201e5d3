"""Faults that a test asks for: the Hub then fails in that way, a set number of times."""

import asyncio
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Message = MutableMapping[str, Any]


@dataclass
class Fault:
    """What goes wrong with the requests that match.

    Attributes:
        path: regular expression for the address.
        method: HTTP method, any by default.
        times: how many requests it strikes.
        status: answer with this status, and do nothing.
        headers: headers of that answer.
        delay: seconds to wait before each part of the body.
        cut: send only this many bytes of the body, then hang up.
        flip: send the whole body with its last byte changed.
        before: called before the request is served, in a thread of its own.
    """

    path: str
    method: str = ""
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int | None = None
    flip: bool = False
    before: Callable[[], object] | None = None

    def strikes(self, scope: Scope) -> bool:
        """Say whether it strikes this request, and count it."""
        if self.times <= 0 or self.method not in ("", scope["method"]) or not re.search(self.path, scope["path"]):
            return False
        self.times -= 1
        return True


class FaultyApp:
    """An ASGI application between the client and the Hub that records each request and breaks some."""

    def __init__(self, app: ASGIApp, faults: list[Fault], calls: list[str]) -> None:
        """Wrap an application; the lists stay the caller's, to be changed while it runs."""
        self.app, self.faults, self.calls = app, faults, calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        raw = scope["raw_path"].split(b"?")[0].decode()
        # A revision with a slash arrives as %2F, and must not become two parts of the path.
        scope = dict(scope, path=unquote(raw.replace("%2F", "%252F")))
        self.calls.append(f"{scope['method']} {raw}")
        fault = next((fault for fault in self.faults if fault.strikes(scope)), None)
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self.break_down(fault, scope, receive, send)

    async def break_down(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, badly."""
        if fault.before is not None:
            await asyncio.to_thread(fault.before)
        if fault.status is not None:
            answer = JSONResponse({"error": f"fault {fault.status}"}, fault.status, headers=fault.headers)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, BadSender(fault, send))


class BadSender:
    """Passes a response on, changed as the fault says."""

    def __init__(self, fault: Fault, send: Send) -> None:
        """Wrap the server's own sender."""
        self.fault, self.send, self.sent = fault, send, 0

    async def __call__(self, message: Message) -> None:
        """Pass on one message."""
        if message["type"] == "http.response.body":
            await asyncio.sleep(self.fault.delay)
            message = self.spoil(message)
        await self.send(message)

    def spoil(self, message: Message) -> Message:
        """Return a part of a body, damaged."""
        body, last = bytes(message.get("body", b"")), not message.get("more_body", False)
        if self.fault.cut is not None:
            body = body[: max(0, self.fault.cut - self.sent)]
        if self.fault.flip and body:
            body = body[:-1] + bytes([body[-1] ^ 0xFF])
        self.sent += len(body)
        return {"type": "http.response.body", "body": body, "more_body": not last}
