"""The page: one X-ray, two networks side by side. `python app.py` serves it."""

import argparse
import os
import signal
import sys
import tempfile

# Gradio reads these when it is imported: no call home, and uploads in a folder of our own.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
UPLOADS = tempfile.TemporaryDirectory(prefix="bonexray-page-")
os.environ["GRADIO_TEMP_DIR"] = UPLOADS.name

from bonexray import BonexrayError  # noqa: E402
from page.examples import load_examples  # noqa: E402
from page.feedback import open_feedback  # noqa: E402
from page.models import load_models  # noqa: E402
from page.sharing import Shares  # noqa: E402

MAX_UPLOAD = "200mb"
MOST_SESSIONS = 500  # open tabs whose images are held in memory


def main(arguments: list[str] | None = None) -> int:
    """Load the networks and serve the page; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        models = load_models(options.models)
        examples = load_examples(options.examples)
        feedback = open_feedback(options.feedback)
    except BonexrayError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's one line
        return 2
    from page.handlers import Handlers
    from page.layout import build
    from page.scripts import STEADY
    from page.services import Services
    from page.theme import CSS, I18N, THEME

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the uploads' folder goes with the process
    shares = Shares()
    shares.keep_purging()
    demo = build(Handlers(models, examples, shares), Services(models, shares, feedback))
    demo.launch(
        share=options.share,
        i18n=I18N,
        theme=THEME,
        css_paths=CSS,
        head=STEADY,
        max_file_size=MAX_UPLOAD,
        mcp_server=True,
        ssr_mode=False,
        run_history=False,  # it would keep every upload in the visitor's browser
        state_session_capacity=MOST_SESSIONS,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models",
        default=os.environ.get("BONEXRAY_MODELS", ""),
        help="two networks, 'owner/a@revision,owner/b@revision' or two folders (default: BONEXRAY_MODELS, or bundled)",
    )
    parser.add_argument(
        "--examples",
        default=os.environ.get("BONEXRAY_EXAMPLES", ""),
        help="a Hub data set of examples, 'owner/name[@revision]' (default: BONEXRAY_EXAMPLES, or simulated ones)",
    )
    parser.add_argument(
        "--feedback",
        default=os.environ.get("BONEXRAY_FEEDBACK", ""),
        help="a Hub data set to store what visitors know, 'owner/name' (default: BONEXRAY_FEEDBACK, or none)",
    )
    parser.add_argument("--share", action="store_true", help="also serve under a public link of gradio.live")
    return parser


if __name__ == "__main__":
    sys.exit(main())
