"""Tables of a model card: every figure that the metrics hold, named to be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from training.reporting import markdown


@dataclass(frozen=True)
class Row:
    """One measured figure, with its 95 % interval where there is one."""

    group: str
    key: str
    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def label(self) -> str:
        """The figure's name, to be read."""
        return metric_name(self.key)

    @property
    def shown(self) -> str:
        """The value, to be read."""
        return "not defined" if self.value is None else figure(self.value)

    @property
    def interval(self) -> str:
        """The interval, to be read."""
        return "" if self.low is None or self.high is None else f"{figure(self.low)} to {figure(self.high)}"


def measured(metrics: dict[str, Any], group: str = "") -> Iterator[Row]:
    """Yield every figure of nested metrics: each mapping with a "value", in order."""
    for key, entry in metrics.items():
        if not isinstance(entry, dict):
            continue
        if "value" in entry:
            yield Row(group, key, entry["value"], entry.get("low"), entry.get("high"))
        else:
            yield from measured(entry, f"{group}/{key}".strip("/"))


def metric_name(key: str) -> str:
    """Name a metric as reports do, with a capital."""
    name = markdown.title(key)
    return name[0].upper() + name[1:]


def figure(value: float) -> str:
    """Write a number as cards show it: three decimals, integers as they are."""
    return f"{value:,}" if isinstance(value, int) else markdown.number(value)


def title(group: str) -> str:
    """Name a group of figures, to be read."""
    words = group.replace("per_source", "one vote a source").replace("per_image", "every image")
    words = words.replace("_", " ").replace("/", ": ")
    return words[:1].upper() + words[1:]


def pivot(rows: list[Row], *, intervals: bool = True) -> dict[str, Any]:
    """Return one line for each group and one column for each key; empty without rows."""
    columns = list(dict.fromkeys(row.key for row in rows))
    groups = list(dict.fromkeys(row.group for row in rows))
    cells = {
        (row.group, row.key): f"{row.shown} ({row.interval})" if intervals and row.interval else row.shown
        for row in rows
    }
    lines = [(group, [cells.get((group, key), "") for key in columns]) for group in groups]
    return {"columns": [metric_name(column) for column in columns], "rows": lines} if rows else {}
