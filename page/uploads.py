"""What a visitor sends: read once, and its file is deleted within a minute."""

import threading
from pathlib import Path

from gradio.utils import get_upload_folder

from bonexray.errors import ImageError
from page.comparison import Comparison, compare
from page.models import Models

DELAY = 60.0  # seconds: another visitor may just have sent the same file, which Gradio keeps once


def judge(path: str | Path, models: Models) -> Comparison:
    """Compare an uploaded file and have it deleted, whatever comes of it.

    Raises:
        ImageError: the file is no radiograph that can be read; the message is one line, without its folder.
    """
    try:
        return compare(Path(path), models)
    except ImageError as error:
        raise ImageError(reason(error, Path(path)), error.kind) from None
    finally:
        forget(path)


def reason(error: ImageError, path: Path, name: str = "") -> str:
    """Return an error's line with the file's name, its own or this one, for its place on this machine."""
    return str(error).replace(str(path), name or path.name)


def forget(path: str | Path, delay: float = DELAY) -> None:
    """Delete an uploaded file after a while, unless it is sent again meanwhile; a file that is no upload stays."""
    file = Path(path).resolve()
    if Path(get_upload_folder()).resolve() in file.parents and file.exists():
        timer = threading.Timer(delay, _delete, (file, file.stat().st_ctime_ns))
        timer.daemon = True
        timer.start()


def _delete(file: Path, sent: int) -> None:
    if file.exists() and file.stat().st_ctime_ns == sent:
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()
