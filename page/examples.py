"""The examples that a visitor may try: simulated radiographs, or a Hub data set that the Space names."""

from dataclasses import dataclass
from pathlib import Path

from bonexray import BonexrayError
from bonexray.hub_errors import explained
from page.texts import translate

FOLDER = Path(__file__).parents[1] / "examples"
ORDER = ("forearm", "leg", "arm", "hand")
SUFFIXES = (".jpg", ".jpeg", ".png")
MOST = 12


@dataclass(frozen=True)
class Example:
    """One radiograph to try.

    Attributes:
        name: what a link calls it.
        path: its file.
        simulated: whether `examples/simulate.py` drew it.
    """

    name: str
    path: Path
    simulated: bool

    def caption(self, language: str) -> str:
        """Say what it shows."""
        if not self.simulated:
            return self.name
        bone, state = self.name.split("-")
        return f"{translate(language, f'bone.{bone}')} · {translate(language, f'state.{state}')}"


def load_examples(repository: str = "") -> list[Example]:
    """Return the simulated examples, or the first images of a data set "owner/name[@revision]" on the Hub.

    Raises:
        BonexrayError: the data set cannot be had, or holds no image.
    """
    if not repository:
        files = sorted(FOLDER.glob("*.jpg"), key=lambda file: (ORDER.index(file.stem.split("-")[0]), file.stem))
        return [Example(file.stem, file, simulated=True) for file in files]
    from huggingface_hub import snapshot_download

    name, _, revision = repository.partition("@")
    patterns = [f"*{suffix}" for suffix in SUFFIXES]
    with explained(name, revision or None):
        folder = snapshot_download(name, repo_type="dataset", revision=revision or None, allow_patterns=patterns)
    files = sorted(file for file in Path(folder).rglob("*") if file.suffix in SUFFIXES)[:MOST]
    if not files:
        raise BonexrayError(f"data set {repository} holds no image: expected {', '.join(SUFFIXES)}")
    return [Example(file.stem, file, simulated=False) for file in files]
