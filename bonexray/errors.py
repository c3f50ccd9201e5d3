"""The errors that bonexray raises: each message is one line naming the offending value and what was expected."""


class BonexrayError(ValueError):
    """Bad input of any kind; every error below is one."""


class ImageError(BonexrayError):
    """An image that cannot be read."""


class CheckpointError(BonexrayError):
    """A checkpoint folder that is incomplete, damaged or of an unknown format."""


class HubError(BonexrayError):
    """A repository on the Hub that is missing, private or unreachable."""
