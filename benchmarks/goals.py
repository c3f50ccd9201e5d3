"""What was aimed at, beside what was measured; parts that did not run have no goals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.answer import ANSWER
from benchmarks.peers import REFERENCE
from training.reporting.markdown import table

Found = dict[str, Any]
OF_PEER = 0.4  # of ONNX Runtime's forward pair, for both probabilities and maps, decode to answer
FLAT = 20  # MB that a process may grow by over all images


@dataclass(frozen=True)
class Goal:
    """A number that something shall keep to.

    Attributes:
        name: what is measured.
        value: its median.
        shown: the median with its spread, to read.
        bound: the goal.
        least: whether the value shall be at least the bound; at most otherwise.
    """

    name: str
    value: float
    shown: str
    bound: float
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether the median keeps to the bound."""
        return self.value >= self.bound if self.least else self.value <= self.bound


def goals(found: Found) -> list[Goal]:
    """Return every goal of the parts that ran."""
    return [*_answer(found), *_start(found), *_throughput(found), *_visitors(found), *_training(found)]


def answers(found: Found) -> dict[str, dict[str, float]]:
    """Return what was measured of our whole answer, by its name and the size of the picture."""
    return {name: row for name, row in found.get("answer", {}).items() if name.startswith(ANSWER)}


def render_goals(found: Found) -> str:
    """Write them as a table; nothing where no part has any."""
    rows = [
        [
            goal.name,
            goal.shown,
            f"{'at least' if goal.least else 'at most'} {goal.bound:g}",
            "yes" if goal.met else "no",
        ]
        for goal in goals(found)
    ]
    return table(["what was aimed at", "measured", "goal", "met"], rows) if rows else ""


def between(row: dict[str, float], name: str, decimals: int = 2) -> str:
    """Write a median with its quartiles in brackets."""
    middle, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{middle:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f})"


def _answer(found: Found) -> Iterator[Goal]:
    for name, row in answers(found).items():
        size = name.removeprefix(f"{ANSWER}, ")
        shown = between(row, "ratio")
        if "ratio_fastest" in row:
            shown += f"; of the fastest rounds {row['ratio_fastest']:.2f}"
        what = f"both probabilities and maps of {size} pixels, decode to answer, of {REFERENCE}'s forward pair"
        yield Goal(what, row["ratio"], shown, OF_PEER)


def _start(found: Found) -> Iterator[Goal]:
    if "start" in found:
        one = found["start"]
        wanted = {
            "beyond_gradio": ("cold start beyond importing gradio, of the same page on TensorFlow", 0.25),
            "memory": ("peak memory, of the same page on TensorFlow", 0.5),
            "import_bonexray": ("`import bonexray`, s", 0.3),
        }
        for key, (what, bound) in wanted.items():
            (name,) = (name for name in one[key] if not name.endswith(("_low", "_high")))
            yield Goal(what, one[key][name], between(one[key], name), bound)


def _throughput(found: Found) -> Iterator[Goal]:
    for name, one in found.get("throughput", {}).items():
        what = f"`predict` of {one['images']:,} files by {name}, times the images/s of {REFERENCE}"
        yield Goal(what, one["ratio"], between(one, "ratio"), 1, least=True)
        yield Goal(f"memory that this adds, MB, {name}", one["mb_grown"], f"{one['mb_grown']:+.0f}", FLAT)


def _visitors(found: Found) -> Iterator[Goal]:
    if "visitors" in found:
        count, one = list(found["visitors"].items())[-1]
        yield Goal(f"requests of {count} visitors at once that are lost", one["lost"], str(one["lost"]), 0)


def _training(found: Found) -> Iterator[Goal]:
    if "training" in found:
        one = found["training"]
        what = f"an epoch of the frozen phase, {one['backbone']}, times as fast as a plain `fit`"
        yield Goal(what, one["epochs"]["ratio"], between(one["epochs"], "ratio", 0), 20, least=True)
        for name, row in one["pipelines"].items():
            what = f"input pipeline, {name}, times the images/s of `image_dataset_from_directory`"
            yield Goal(what, row["ratio"], between(row, "ratio"), 1, least=True)
