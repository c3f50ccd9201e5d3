"""The errors that bonexray raises: each message is one line naming the offending value and what was expected."""

from typing import Literal

Kind = Literal["unreadable", "several", "other", "large", "compressed"]


class BonexrayError(ValueError):
    """Bad input of any kind; every error below is one."""


class ImageError(BonexrayError):
    """An image that cannot be read.

    Attributes:
        kind: "several" where a file holds more than one picture, "other" for DICOM that is no radiograph, "large" for
            more pixels than are read, "compressed" for DICOM that no installed library decompresses, else "unreadable";
            for those who say it in another language.
    """

    def __init__(self, message: str, kind: Kind = "unreadable") -> None:
        """Take the line, and what kind of error it tells of."""
        super().__init__(message)
        self.kind: Kind = kind


class CheckpointError(BonexrayError):
    """A checkpoint folder that is incomplete, damaged or of an unknown format."""


class HubError(BonexrayError):
    """A repository on the Hub that is missing, private or unreachable."""


def one_line(error: BaseException, most: int | None = None) -> str:
    """Return an error's own words in one line of at most so many characters; its type where it has none."""
    return " ".join(str(error).split())[:most] or type(error).__name__
