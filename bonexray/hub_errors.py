"""Failures of the Hub: which are worth another try, and one clear line for those that are not."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bonexray.errors import HubError, one_line

T = TypeVar("T")

TRIES = 4
LONGEST_WAIT = 60.0  # seconds; a Hub that asks for more is told to the user instead
TRANSIENT = {408, 429, 500, 502, 503, 504}


def patiently(call: Callable[[], T]) -> T:
    """Call, and call again when the Hub was busy: after its Retry-After, else after 1, 2, 4 s.

    The client itself repeats most requests, but not the first one, which names the commit.
    """
    for attempt in range(TRIES - 1):
        try:
            return call()
        except Exception as error:
            wait = _wait(error, attempt)
            if wait is None or wait > LONGEST_WAIT:
                raise
            time.sleep(wait)
    return call()


@contextmanager
def explained(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn whatever the Hub client raises into a HubError of one line about `repo`."""
    from huggingface_hub.errors import HfHubHTTPError

    # The client's HTTP library has changed (requests, httpx, httpx2): ask it which one it is.
    http_error: Any = HfHubHTTPError.__bases__[0]
    try:
        yield
    except HubError:
        raise
    except (http_error, OSError, ValueError, RuntimeError) as error:
        # The client wraps what fails in its upload threads.
        inner = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        raise HubError(_known_reason(inner, repo, revision) or _other_reason(inner, repo)) from error


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of the Hub client, if there was an answer."""
    response = _response(error)
    return None if response is None else response.status_code


def _response(error: BaseException) -> Any:  # noqa: ANN401 - httpx or httpx2
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if response is not None:
            return response
        cause = cause.__cause__
    return None


def _wait(error: Exception, attempt: int) -> float | None:
    if status_of(error) not in TRANSIENT:
        return None
    asked = str(_response(error).headers.get("retry-after", ""))
    return float(asked) if asked.isdigit() else float(2**attempt)


def _known_reason(error: BaseException, repo: str, revision: str | None) -> str | None:
    from huggingface_hub import constants, errors

    hub, status = constants.ENDPOINT, status_of(error)
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo} has no revision {revision!r}: expected one of its branches, tags or commits"
    if isinstance(error, errors.GatedRepoError):
        return f"{repo} is gated: ask for access at {hub}/{repo}, then pass a token"
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"no folder and no repository at {hub} is called {repo!r}: "
            "check the name, and pass a token if it is private"
        )
    if status in (401, 403):
        return f"{hub} refused access to {repo} ({status}): pass a valid token, or `hf auth login`"
    if status == 412:
        return f"{repo} was changed by someone else at the same time: run the command again"
    if status is not None:
        wait = _response(error).headers.get("retry-after")
        return f"{hub} answered {status} for {repo}: try again {f'in {wait} s' if wait else 'later'}"
    return None


def _other_reason(error: BaseException, repo: str) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError):
        if isinstance(error.__cause__, errors.OfflineModeIsEnabled) or error.__cause__ is None:
            return f"{repo} is not in the cache, and the network may not be used: pull it once online"
        kind = type(error.__cause__).__name__
        return f"cannot reach {constants.ENDPOINT} ({kind}), and {repo} is not in the cache"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{repo} could not be transferred, nothing half-written is kept: {os.strerror(error.errno)}"
    text = one_line(error, 200)
    if isinstance(error, errors.HfHubHTTPError.__bases__[0]):
        return f"{repo}: the connection to {constants.ENDPOINT} failed ({text})"
    return f"{repo} could not be transferred: {text}"
