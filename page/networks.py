"""What there is to know of both networks before they have seen an image: the card of what is on no Hub."""

from html import escape

from bonexray import FractureClassifier
from page.comparison import uncertain_band
from page.models import Models, card_url, network_hash, origin, title
from page.texts import percent, threshold_percent, translate

ROWS = ("networks.source", "networks.network", "networks.size", "threshold", "band")


def networks(models: Models, language: str) -> str:
    """Return both networks' facts as a table, Markdown."""
    lines = [f"## {translate(language, 'networks')}", ""]
    lines += [f"| | {' | '.join(title(model) for model in models)} |", "|---|---|---|"]
    columns = [_facts(model, language) for model in models]
    rows = zip(ROWS, *columns, strict=True)
    lines += [f"| {translate(language, key)} | {first} | {second} |" for key, first, second in rows]
    return "\n".join(lines)


def _facts(model: FractureClassifier, language: str) -> list[str]:
    size, band = model.checkpoint.image_size, uncertain_band(model, model.threshold)
    ends = {"low": percent(language, band[0]), "high": percent(language, band[1])} if band else {}
    return [
        _source(model, language),
        f"`{network_hash(model)[:12]}`",
        f"{size} × {size}",  # noqa: RUF001
        threshold_percent(language, model.threshold),
        translate(language, "interval", **ends) if band else translate(language, "unmeasured"),
    ]


def _source(model: FractureClassifier, language: str) -> str:
    url, name = card_url(model), f"<bdi>{escape(origin(model))}</bdi>"
    if url is None:
        return name
    revision = translate(language, "revision", revision=escape((model.revision or "")[:7]))
    return f"{name} · {revision} · [{translate(language, 'card')}]({escape(url)})"
