"""What a visitor sends: read once, then its file is deleted."""

from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from bonexray import BonexrayError
from page.comparison import Comparison, compare
from page.models import Models


def judge(path: str | Path, models: Models) -> Comparison:
    """Compare an uploaded file and delete it, whatever comes of it.

    Raises:
        gr.Error: the file is no radiograph that can be read; the message is one line.
    """
    try:
        return compare(Path(path), models)
    except BonexrayError as error:
        raise gr.Error(reason(error, Path(path)), print_exception=False) from None
    finally:
        forget(path)


def reason(error: BonexrayError, path: Path) -> str:
    """Return an error's line with the file's name for its place on this machine."""
    return str(error).replace(str(path), path.name)


def forget(path: str | Path) -> None:
    """Delete an uploaded file and its folder; a file that is no upload stays."""
    file = Path(path).resolve()
    if Path(get_upload_folder()).resolve() in file.parents:
        file.unlink(missing_ok=True)
        if not any(file.parent.iterdir()):
            file.parent.rmdir()
