"""Many visitors at once: requests a second, how long each waits, whether any is lost or served before its turn."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.page import OURS, PATIENCE, ask, serve

REQUESTS = {1: 20, 4: 10, 16: 4, 60: 2}  # of each visitor, by the number of visitors


def time_visitors(folders: Sequence[Path], images: Sequence[Path]) -> dict[str, Any]:
    """Let 1, 4, 16 and 60 visitors ask the page at the same time, and return what each number met."""
    with serve(OURS, folders) as page:
        page.wait()
        with httpx.Client(timeout=PATIENCE) as client:
            ask(client, page.url, images[0])
        return {str(count): _visit(page.url, images, count, each) for count, each in REQUESTS.items()}


def _visit(url: str, images: Sequence[Path], visitors: int, each: int) -> dict[str, Any]:
    waits: list[list[float]] = [[] for _ in range(visitors)]
    lost: list[str] = []
    begin = threading.Barrier(visitors + 1)

    def visit(number: int) -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            begin.wait()
            for turn in range(each):
                start = time.perf_counter()
                try:
                    ask(client, url, images[(number + turn) % len(images)])
                    waits[number].append(time.perf_counter() - start)
                except (httpx.HTTPError, RuntimeError) as error:
                    lost.append(repr(error)[:200])

    threads = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(visitors)]
    for thread in threads:
        thread.start()
    begin.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    every = [wait for one in waits for wait in one]
    middle, late, latest = np.percentile(every, [50, 95, 99]) if every else (np.nan,) * 3
    means = [float(np.mean(one)) for one in waits if one]
    return {
        "requests": visitors * each,
        "lost": len(lost),
        "errors": sorted(set(lost)),
        "requests_per_second": len(every) / took,
        "p50": float(middle), "p95": float(late), "p99": float(latest),
        "slowest_to_fastest_visitor": max(means) / min(means) if means else None,
    }  # fmt: skip
