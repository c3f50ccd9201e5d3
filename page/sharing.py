"""Links to a view: of an example, with nothing stored, or of an image that its owner agreed to share for a day."""

import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from page.comparison import Comparison

HOURS = 24
MOST = 200  # of at most SHOWN_SIDE x SHOWN_SIDE bytes each


@dataclass(frozen=True)
class Share:
    """An image that its owner shares: two secrets, one to see it and one to delete it, and when it ends."""

    token: str
    key: str
    expires: float  # seconds since 1970


class Shares:
    """Shared images, in memory alone: they end by time, by their owner, or with the process."""

    def __init__(self, hours: float = HOURS) -> None:
        """Keep each share for so many hours."""
        self.hours = hours
        self._held: dict[str, tuple[Share, Comparison]] = {}
        self._lock = threading.Lock()

    def add(self, comparison: Comparison) -> Share:
        """Keep what the page shows of a comparison: small pixels and numbers, nothing of the file itself."""
        share = Share(secrets.token_urlsafe(16), secrets.token_urlsafe(16), time.time() + 3600 * self.hours)
        self.purge()
        with self._lock:
            if len(self._held) >= MOST:
                self._held.pop(next(iter(self._held)))
            self._held[share.token] = share, replace(comparison, subject={"shared": share.token})
        return share

    def open(self, token: str) -> Comparison | None:
        """Return what was shared, or None if it has ended or never was."""
        self.purge()
        with self._lock:
            held = self._held.get(token)
        return held and replace(held[1])

    def delete(self, token: str, key: str) -> bool:
        """End a share for whoever holds its key; say whether there was one."""
        with self._lock:
            held = self._held.get(token)
            if held is None or not secrets.compare_digest(held[0].key.encode(), key.encode()):
                return False
            del self._held[token]
            return True

    def purge(self) -> None:
        """Forget every share whose time is over."""
        with self._lock:
            for token in [token for token, (share, _) in self._held.items() if share.expires <= time.time()]:
                del self._held[token]

    def keep_purging(self) -> None:
        """Purge once a minute, in the background, as long as the process lives."""

        def purge() -> None:
            while True:
                time.sleep(60)
                self.purge()

        threading.Thread(target=purge, daemon=True).start()


def view_link(base: str, subject: dict[str, str], thresholds: Sequence[float], language: str) -> str:
    """Return the address that shows a view again: its subject, thresholds and language."""
    values = {**subject, "t": ",".join(f"{threshold:.4g}" for threshold in thresholds), "lang": language}
    return f"{base}/?{urlencode(values, safe=',')}"


def read_thresholds(text: str | None, default: Sequence[float]) -> tuple[float, ...]:
    """Read the thresholds of a link; the default where it has none, or nonsense."""
    try:
        values = tuple(float(part) for part in (text or "").split(","))
    except ValueError:
        return tuple(default)
    valid = len(values) == len(default) and all(0 <= value <= 1 for value in values)
    return values if valid else tuple(default)
