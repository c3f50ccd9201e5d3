"""What a run of the benchmark is asked for, and what an earlier one must share with it for their parts to be joined."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from bonexray.errors import BonexrayError
from training.learning.recipe import RECIPES, check_ranges

PARTS = ("start", "visitors", "answer", "forward", "stages", "arrangement", "throughput", "scaling", "training")
SEED = 0
# The training part needs an image of either label.
RANGES = {"rounds": (1, 10**5), "threads": (1, 1024), "images": (2, 10**7), "starts": (1, 1000)}
Found = dict[str, Any]


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raise BonexrayError for flags that make no benchmark."""
    for part in arguments.parts:
        if part not in PARTS:
            raise BonexrayError(f"part {part!r}: expected one of {', '.join(PARTS)}")
    check_ranges(vars(arguments), RANGES)
    if arguments.backbone not in RECIPES:
        raise BonexrayError(f"backbone={arguments.backbone!r}: expected one of {', '.join(RECIPES)}")


def begin(arguments: argparse.Namespace, kept: Path) -> Found:
    """Describe machine and setting; with `--add`, take over the parts of `kept` that are not measured again.

    Raises:
        BonexrayError: these were measured on another machine or in another setting, so that one line could not tell
            of all.
    """
    setting = {name: getattr(arguments, name) for name in RANGES} | {"seed": SEED}
    found: Found = {"machine": describe_machine(), "setting": setting}
    if not (arguments.add and kept.is_file()):
        return found
    earlier = _read(kept)
    parts = {name: earlier[name] for name in PARTS if name in earlier and name not in arguments.parts}
    differing = list(_differences(earlier, found)) if parts else []
    if differing:
        raise BonexrayError(
            f"--add would join {', '.join(parts)} of {kept}, measured with {'; '.join(differing)}: expected the same"
        )
    if parts:  # the load is the one thing that may differ: what is told of all parts is the worst
        found["machine"]["load"] = max(found["machine"]["load"], earlier["machine"].get("load", 0))
    return found | parts


def _read(kept: Path) -> Found:
    try:
        earlier = json.loads(kept.read_text())
    except ValueError as error:
        raise BonexrayError(f"{kept} is damaged: expected the JSON of an earlier run ({error})") from error
    if not isinstance(earlier, dict) or not all(isinstance(earlier.get(key), dict) for key in ("machine", "setting")):
        raise BonexrayError(f"{kept} lacks machine or setting: expected the JSON of an earlier run")
    return earlier


def _differences(earlier: Found, found: Found) -> Iterator[str]:
    """Name what the report says of all parts at once and is not the same now, with both values."""
    before, now = _told(earlier), _told(found)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield f"{name} {before.get(name)!r}, now {now.get(name)!r}"


def _told(found: Found) -> Found:
    machine = {name: value for name, value in found["machine"].items() if name not in ("load", "libraries")}
    return machine | found["machine"].get("libraries", {}) | found["setting"]
