"""Interleaved timing: every contestant once a round, in an order of chance, so that all share the machine's moods."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

WARM_UP = 3  # rounds that are not counted
REST = 0.005  # seconds between jobs: threads of the one before stop waiting, busily, on the cores of the next
Job = Callable[[], object]
Times = dict[str, list[float]]


def interleave(jobs: Mapping[str, Job], rounds: int, seed: int = 0) -> Times:
    """Run every job once in each round and return the milliseconds of each, by name."""
    random = np.random.default_rng(seed)
    times: Times = {name: [] for name in jobs}
    for turn in range(rounds + WARM_UP):
        for name in random.permutation(list(jobs)):
            time.sleep(REST)
            start = time.perf_counter()
            jobs[str(name)]()
            if turn >= WARM_UP:
                times[str(name)].append(1000 * (time.perf_counter() - start))
    return times


def summarise(times: Times, reference: str | None = None) -> dict[str, dict[str, float]]:
    """Return by name the median and quartiles in milliseconds, and of the ratio to the reference in the same round.

    "ratio_fastest" is the ratio of the two fastest rounds: what others do on the machine moves it least.
    """
    found = {name: spread(values, "ms") for name, values in times.items()}
    if reference is not None:
        for name, values in times.items():
            found[name] |= spread(np.divide(values, times[reference]), "ratio")
            found[name]["ratio_fastest"] = min(values) / min(times[reference])
    return found


def spread(values: Any, name: str) -> dict[str, float]:  # noqa: ANN401 - a sequence or an array
    """Return median and quartiles as `name`, `name_low` and `name_high`."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {name: float(middle), f"{name}_low": float(low), f"{name}_high": float(high)}


def growth(sizes: Any, costs: Any) -> float:  # noqa: ANN401
    """Return the power of the size that the cost grows with: the slope between their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
