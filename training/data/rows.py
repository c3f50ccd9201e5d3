"""The split as data: a row an image without its pixels, in the form that the Hub and `datasets` read."""

from pathlib import Path

import pandas as pd

from bonexray.checkpoint import LABELS

COLUMNS = (
    "file", "file_hash", "pixel_hash", "label", "source_group", "archive", "rotated_copy", "official_paths",
    "official_split", "part",
)  # fmt: skip
CARD = """---
pretty_name: Leak-free split of {name}
task_categories:
- image-classification
tags:
- medical
- radiology
- fracture-detection
configs:
- config_name: default
  data_files:
  - split: rows
    path: rows.parquet
---
# Leak-free split of {name}

{images} rows, one an image, and no image: with the files of the original data set they rebuild a split in which
no radiograph, in whatever copy, stands on two sides. {sources} sources; fingerprint `{fingerprint}`.

```python
rows = datasets.load_dataset("OWNER/NAME", split="rows")
```

| column | meaning |
|---|---|
| `file`, `file_hash` | name of the file that was read, and SHA-256 of its bytes |
| `pixel_hash` | SHA-256 of its grey pixels and their shape |
| `label` | `fractured` or `not fractured` |
| `source_group` | images made from the same radiograph, as names, hashes and keypoints tell |
| `archive` | where it seems to come from, empty when unknown |
| `rotated_copy` | whether the file name says that it is a rotated copy |
| `official_paths` | its places in the data set's own splits, `;` between them |
| `official_split` | the first of train, val and test that holds it |
| `part` | `fold0` to `fold4`, or `test` |
"""


def write_rows(table: pd.DataFrame, facts: pd.DataFrame, folder: Path, name: str, fingerprint: str) -> None:
    """Write `rows.parquet` and its card into a folder, ready to be uploaded."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = table.assign(
        label=table["label"].map(dict(enumerate(LABELS))),
        file_hash=facts["file_hash"].to_numpy(),
        pixel_hash=facts["pixel_hash"].to_numpy(),
    )
    rows[list(COLUMNS)].to_parquet(folder / "rows.parquet", index=False)
    sources = rows["source_group"].nunique()
    card = CARD.format(name=name, images=len(rows), sources=sources, fingerprint=fingerprint)
    (folder / "README.md").write_text(card, encoding="utf-8")
