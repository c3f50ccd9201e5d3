"""`python -m training VERB`: train, audit, evaluate and publish fracture classifiers."""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from bonexray.errors import BonexrayError

VERBS = ("train", "cross-validate", "audit", "quantise", "evaluate", "bundle", "publish", "release")
BAD_INPUT = 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with one subcommand a verb, each a module of this package."""
    parser = argparse.ArgumentParser("python -m training", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name in VERBS:
        module = importlib.import_module(f"training.{name.replace('-', '_')}")
        summary = str(module.__doc__).splitlines()[0].split(": ", 1)[-1]
        verb = verbs.add_parser(name, help=summary, description=summary)
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 2 with one line on standard error for bad input."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(format="%(message)s")
    logging.getLogger("training").setLevel(logging.INFO)  # what other libraries inform of is theirs
    try:
        return arguments.run(arguments) or 0
    except BonexrayError as error:
        print(f"{arguments.verb}: {error}", file=sys.stderr)  # noqa: T201 - the command line's own answer
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
