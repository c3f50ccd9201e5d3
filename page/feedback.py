"""What visitors tell of the truth: off unless a data set and a token are configured, then committed there."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub import CommitScheduler

from bonexray.hub_errors import explained
from page.overlay import shown

MINUTES = 5
LONGEST = 1000  # characters of a reason


def open_feedback(repository: str) -> "Feedback | None":
    """Open the data set that feedback goes to; None, and no form on the page, if none is named.

    Raises:
        HubError: it cannot be written to.
    """
    return Feedback(repository) if repository else None


def right(record: dict[str, Any], fractured: bool) -> dict[str, bool]:
    """Say of each network whether its verdict was right."""
    return {one["name"]: one["fractured"] == fractured for one in record["models"]}


class Feedback:
    """Rows that wait in a folder until `CommitScheduler` takes them to the data set."""

    def __init__(self, repository: str) -> None:
        """Open the data set "owner/name", private when it is new.

        Raises:
            HubError: it cannot be written to.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="bonexray-feedback-"))
        self._rows = self.folder / f"feedback-{self.folder.name[-8:]}.jsonl"  # of this process: none is overwritten
        with explained(repository):
            self._scheduler = CommitScheduler(
                repo_id=repository,
                repo_type="dataset",
                folder_path=self.folder,
                every=MINUTES,
                private=True,
            )

    def add(self, record: dict[str, Any], fractured: bool, reason: str, pixels: Any = None) -> None:  # noqa: ANN401
        """Store one row: the record of the comparison, the truth, who was right, how it is known; pixels if given."""
        row = {**record, "truth_fractured": fractured, "right": right(record, fractured), "reason": reason[:LONGEST]}
        row["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        with self._scheduler.lock:
            if pixels is not None:
                row["file"] = f"images/{record['image']['sha256']}.png"
                (self.folder / "images").mkdir(exist_ok=True)
                shown(pixels).save(self.folder / row["file"])
            with self._rows.open("a") as file:
                file.write(json.dumps(row) + "\n")

    def push(self) -> None:
        """Commit what waits, now."""
        self._scheduler.push_to_hub()
