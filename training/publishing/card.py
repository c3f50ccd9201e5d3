"""Renders the model card: the template `model_card.md`, filled from nothing but `classifier.json`."""

from pathlib import Path
from typing import Any

from bonexray.checkpoint import Checkpoint
from bonexray.errors import BonexrayError
from training.data.known import is_known
from training.judging.metrics import ON_MARK
from training.judging.predictions import DESCRIPTIONS, OUT_OF_FOLD
from training.judging.summary import LEAK_FREE, VOTE
from training.making.held_out import NAMES
from training.publishing.card_tables import figure, measured, pivot, title
from training.publishing.front_matter import front_matter

TEMPLATE = Path(__file__).parents[2] / "model_card.md"
RECORDED = ("name", "images", "sources", "fingerprint", "marks")


def render_card(checkpoint: Checkpoint, repo: str, tag: str | None = None, datasets: tuple[str, ...] = ()) -> str:
    """Fill the card of one checkpoint.

    Args:
        checkpoint: what its `classifier.json` says.
        repo: "owner/name" that it will be loaded from.
        tag: the tag that it will be given, if any.
        datasets: Hub data sets that the network was trained on.

    Raises:
        BonexrayError: the checkpoint lacks something that every card needs.
    """
    import jinja2
    from huggingface_hub import ModelCard

    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["figure"] = figure
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    pin = f', revision="{tag}"' if tag else ""
    try:
        text = template.render(
            _context(checkpoint), repo=repo, pin=pin, card_data=front_matter(checkpoint, repo, datasets)
        )
    except (jinja2.UndefinedError, KeyError) as error:
        raise BonexrayError(f"the checkpoint lacks what its card needs: {error}") from error
    return ModelCard(text).content


def _context(checkpoint: Checkpoint) -> dict[str, Any]:
    provenance, metrics = checkpoint.provenance, dict(checkpoint.metrics)
    data = provenance.get("data", {})
    leak, robustness = metrics.pop("leak", {}), metrics.pop("robustness", {})
    rows, libraries = list(measured(metrics)), sorted(provenance.get("libraries", {}).items())
    groups = list(dict.fromkeys(row.group for row in rows))
    return {
        "checkpoint": checkpoint,
        "title": f"bonexray {NAMES[checkpoint.backbone]}",
        "backbone": NAMES[checkpoint.backbone],
        "tables": [{"title": title(group), "rows": [row for row in rows if row.group == group]} for group in groups],
        "pointed": any(row.key == ON_MARK for row in rows),
        "robustness": pivot(list(measured(robustness)), intervals=False),
        "leak": pivot(list(measured(leak))),
        "own_split": any(key.startswith("official") for figures in leak.values() for key in figures),
        "measured": _measured_on(metrics),
        "others": {name.replace("_", " "): DESCRIPTIONS[name] for name in LEAK_FREE if name in metrics},
        "vote": VOTE.removeprefix("one vote a source: "),
        "robustness_on": metrics.get("robustness_on"),
        "out_of_fold": metrics.get("set") == OUT_OF_FOLD,
        "threshold": _threshold(checkpoint.calibration),
        "calibration": _calibration(checkpoint.calibration),
        "gate": _gate(checkpoint.gate),
        "parts": [{"name": name, **counts} for name, counts in data.get("split", {}).items()],
        "data": {key: data.get(key) for key in RECORDED},
        "known": is_known(data),
        "official": provenance.get("recipe", {}).get("split") == "official",
        "recipe": sorted(provenance.get("recipe", {}).items()),
        "libraries": ", ".join(f"{name} {version}" for name, version in libraries),
        "compute": _compute(provenance),
        "serving": _serving(provenance.get("serving")),
        "initialisation": _initialisation(provenance),
    }


def _measured_on(metrics: dict[str, Any]) -> str:
    """Say, after "Measured", which sources the figures are of."""
    name, _, what = str(metrics.get("split", "the held-out part of the split")).partition(": ")
    if metrics.get("set") == OUT_OF_FOLD:
        return f"{name}: {what.removeprefix('out of fold: ')}"
    return f"on {what}: {name.partition(' (')[2].rstrip(')')}" if what else f"on {name}"


def _gate(gate: dict[str, Any] | None) -> str:
    if gate is None:
        return "none."
    text = f"refuses pictures unlike the training radiographs; fitted on {gate.get('fitted_on', 'those')}"
    held = gate.get("held_out")
    if held:
        text += (
            f". Of {held['sources']:.0f} held-out sources, one image each, it refuses {held['refused']:.0f} "
            f"(95 % Wilson interval of the share: {figure(held['low'])} to {figure(held['high'])})"
        )
    return text + ". It lets some pictures pass that are no radiographs, grey ones above all."


def _threshold(calibration: dict[str, Any]) -> str:
    """Say, after the threshold, what it applies to, what it was chosen for, and on which sources."""
    if calibration["method"] == "none":
        return "on the network's own probability, and chosen on no data"
    aim = calibration.get("aim", "the aim of the recipe")
    article = "a " if aim.startswith("sensitivity") else ""
    return (
        f"on the calibrated probability, chosen for {article}{aim} on the sources that the calibration was fitted on, "
        "never on the test part"
    )


def _calibration(calibration: dict[str, Any]) -> str:
    if calibration["method"] == "none":
        return "none."
    shown = {key: value for key, value in calibration.items() if key not in ("method", "fitted_on", "aim")}
    numbers = "".join(f", {key} {figure(value)}" for key, value in shown.items())
    fitted = f", fitted on {_fitted_on(calibration['fitted_on'])}" if "fitted_on" in calibration else ""
    folded = "It is folded into the last layer, so that stock Keras gives calibrated output too."
    return f"{calibration['method']}{numbers}{fitted}. {folded}"


def _fitted_on(sources: str) -> str:
    """Say, after "fitted on", what the record says: "validation: ...", or "out of fold ...", which needs a noun."""
    if sources.startswith("validation"):
        return f"the validation part{sources.removeprefix('validation')}"
    return f"answers {sources}"


def _initialisation(provenance: dict[str, Any]) -> str:
    weights = provenance.get("weights", {})
    file = f" (`{weights['name']}`)" if "name" in weights else ""
    return "Backbone before training: " + weights.get("initialised", "not recorded") + file


def _compute(provenance: dict[str, Any]) -> str:
    seconds, hardware = provenance.get("seconds"), provenance.get("hardware")
    time = (
        f"{seconds / 60:.0f} minutes of training for this network alone"
        if seconds is not None
        else "training time not recorded"
    )
    return f"{time} on {hardware or 'hardware that was not recorded'}"


def _serving(serving: dict[str, Any] | None) -> str:
    if serving is None:
        return "the served network computes in float32, with float16 weights."
    rows = {row.key: row for row in measured({"figures": serving["against_float32"]})}
    equal, lost = (f"{rows[key].shown} ({rows[key].interval})" for key in ("verdicts_equal", "auroc_difference"))
    return (
        f"the last {serving['int8_layers']} of its {serving['layers']} layers (convolutions and sums) serve in "
        f"int8, fitted to what the float32 network says of {serving['fitted_on']} training images, without labels. "
        f"Against it, on {serving['images']} held-out images of {serving['sources']} sources: share of equal verdicts "
        f"{equal}, difference of the AUROC, one vote a source, {lost}, largest difference of a logit "
        f"{rows['largest_logit_difference'].shown}. Intervals: {serving['intervals']}."
    )
