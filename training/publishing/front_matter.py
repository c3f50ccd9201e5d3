"""What the Hub reads of a card: licence, library and task, and the headline figures as a `model-index`."""

import re
from typing import Any

from bonexray.checkpoint import Checkpoint
from training.data.known import KNOWN_NAME, KNOWN_SLUG, is_known
from training.judging.metrics import BY_CHANCE
from training.publishing.card_tables import measured

TASK = "image-classification"
HEADLINE = "per_source"
HUB_METRICS = {"auroc": "roc_auc", "sensitivity": "recall", "brier": "brier_score"}
UNNAMED = "not recorded"


def front_matter(checkpoint: Checkpoint, repo: str, datasets: tuple[str, ...]) -> str:
    """Write the YAML that stands on top of a card.

    Args:
        checkpoint: what its `classifier.json` says.
        repo: "owner/name" that it will be loaded from.
        datasets: Hub data sets that the network was trained on.
    """
    from huggingface_hub import ModelCardData

    metadata = ModelCardData(
        license="apache-2.0",
        library_name="keras",
        pipeline_tag=TASK,
        tags=["bonexray", "litert", "radiography", "x-ray", "fracture", "medical", checkpoint.backbone],
        datasets=list(datasets) or None,
        metrics=["roc_auc", "recall"] if checkpoint.metrics else None,
        model_name=repo.split("/")[-1],
        eval_results=_results(checkpoint) or None,
    )
    return metadata.to_yaml()


def _results(checkpoint: Checkpoint) -> list[Any]:
    """Return the headline figures, each with its interval in its name."""
    from huggingface_hub import EvalResult

    name, slug = _measured_data(checkpoint)
    return [
        EvalResult(
            task_type=TASK,
            dataset_type=slug,
            dataset_name=name,
            dataset_split=str(checkpoint.metrics.get("split", "test")).split(" (")[0],
            metric_type=HUB_METRICS.get(row.key, row.key),
            metric_name=f"{row.label}, one vote a source" + (f" (95 % CI {row.interval})" if row.interval else ""),
            metric_value=round(row.value, 4),
        )
        for row in measured(checkpoint.metrics)
        if row.group == HEADLINE and row.value is not None and row.key != BY_CHANCE
    ]


def _measured_data(checkpoint: Checkpoint) -> tuple[str, str]:
    """Name the data of the figures, those of the training unless the figures say others, and as the Hub spells it."""
    data = checkpoint.metrics.get("data", checkpoint.provenance.get("data", {}))
    if is_known(data):
        return KNOWN_NAME, KNOWN_SLUG
    name = str(data.get("name") or UNNAMED)
    slug = re.sub(r"[^a-z0-9._/-]+", "-", name.partition("@")[0].lower()).strip("-")
    return name, slug or re.sub(r"\W", "-", UNNAMED)
