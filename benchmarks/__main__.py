"""`python -m benchmarks`: time the project and its peers, and write JSON, a report and a figure."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.setting import PARTS, begin, check_arguments
from bonexray.errors import BonexrayError

ROOT = Path(__file__).parents[1]
MARKERS = ("<!-- benchmark -->", "<!-- /benchmark -->")
BAD_INPUT = 2
log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark and return the exit status: 2 with one line on standard error for bad input."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    log.setLevel(logging.INFO)
    try:
        run(arguments)
    except BonexrayError as error:
        print(f"benchmarks: {error}", file=sys.stderr)  # noqa: T201 - the command line's own answer
        return BAD_INPUT
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Run the parts in turn, keep what each found at once, then write the report."""
    check_arguments(arguments)
    output: Path = arguments.output
    kept = output / "benchmark.json"
    found = begin(arguments, kept)
    parts = _parts(arguments, output / "peers")
    output.mkdir(parents=True, exist_ok=True)
    for name, measure in parts.items():
        log.info("%s ...", name)
        found[name] = measure()
        kept.write_text(json.dumps(found, indent=1) + "\n")
    _write(found, arguments)


def _parts(arguments: argparse.Namespace, scratch: Path) -> dict[str, Callable[[], Any]]:
    """What each part runs. The page comes first: its processes need the memory that the peers will hold."""
    from benchmarks import answer, scaling, start, throughput, training_speed, visitors

    folders, threads, rounds = arguments.checkpoints, arguments.threads, arguments.rounds
    files = sorted(arguments.pictures.glob("*.jpg"))
    if not files:
        raise BonexrayError(f"{arguments.pictures} holds no .jpg: expected a folder of radiographs")
    image = files[0]
    every: dict[str, Callable[[], Any]] = {
        "start": lambda: start.time_starts(folders, image, scratch, arguments.starts),
        "visitors": lambda: visitors.time_visitors(folders, files[:8]),
        "answer": lambda: answer.time_answer(folders, image, scratch, threads, rounds),
        "forward": lambda: answer.time_forward(folders, image, scratch, threads, rounds),
        "stages": lambda: answer.time_stages(folders, image, threads, rounds),
        "arrangement": lambda: answer.time_arrangement(folders, image, threads, rounds),
        "throughput": lambda: {
            folder.name: throughput.time_folder(folder, files, arguments.images, scratch) for folder in folders
        },
        "scaling": lambda: scaling.time_scaling(folders, image, threads, max(5, rounds // 4)),
        "training": lambda: training_speed.time_training(arguments.backbone, arguments.images, scratch),
    }
    return {name: every[name] for name in PARTS if name in arguments.parts}


def _write(found: dict[str, Any], arguments: argparse.Namespace) -> None:
    from benchmarks.report import draw, render_details, render_summary
    from training.reporting.report import write_results

    summary = render_summary(found)
    (arguments.output / "benchmark.md").write_text(render_details(found), "utf-8")
    drawn, target = "forward" in found, arguments.figure or arguments.output / "benchmark.png"
    if drawn:
        draw(found, target)
    if arguments.readme:
        figure = (
            [f"![Both networks in each runtime]({os.path.relpath(target, arguments.readme.parent)})"] if drawn else []
        )
        write_results(arguments.readme, "\n\n".join([*figure, summary]), MARKERS)
    sys.stdout.write(f"{render_details(found)}\n{arguments.output / 'benchmark.json'}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    bundled = [ROOT / "checkpoints/mobilenetv2", ROOT / "checkpoints/resnet50"]
    add("parts", nargs="*", metavar="PART", default=list(PARTS), help=f"{', '.join(PARTS)} (default: all)")
    add("--checkpoints", nargs=2, type=Path, default=bundled, help="two checkpoint folders (default: the bundled)")
    add("--pictures", type=Path, default=ROOT / "examples", help="folder of .jpg to judge (default: examples)")
    add("--output", type=Path, default=Path("reports/benchmark"), help="folder for JSON, report, converted peers")
    add("--figure", type=Path, help="where to draw the figure (default: in --output)")
    add("--readme", type=Path, help="README whose benchmark section to replace")
    add("--rounds", type=int, default=40, help="interleaved rounds (default: 40)")
    add("--threads", type=int, default=2, help="threads of every peer (default: 2)")
    add("--images", type=int, default=1000, help="images of the throughput and training parts (default: 1000)")
    add("--starts", type=int, default=3, help="cold starts of each page (default: 3)")
    add("--backbone", default="mobilenetv2", help="network of the training part (default: mobilenetv2)")
    add("--add", action="store_true", help="keep the other parts of an earlier run in --output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
