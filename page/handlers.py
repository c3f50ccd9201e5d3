"""What the page does when something is touched: plain functions of values, no layout."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from page.cards import difference_card, joint_card, map_card, model_card, refusal_card
from page.comparison import Comparison, describe, describe_models
from page.models import Models
from page.overlay import overlay
from page.uploads import judge


@dataclass(frozen=True)
class Handlers:
    """The page's event handlers for two networks."""

    models: Models

    @property
    def thresholds(self) -> tuple[float, float]:
        """The two thresholds that were chosen on validation data."""
        return self.models[0].threshold, self.models[1].threshold

    def judge_upload(self, path: str | None) -> tuple[Any, ...]:
        """Compare an uploaded file: state, thresholds as measured, an empty input, no "anyway"."""
        if path is None:
            return (gr.skip(),) * 5
        return (judge(path, self.models), *self.thresholds, None, False)

    def render(
        self, comparison: Comparison | None, first: float, second: float, anyway: bool, language: str
    ) -> tuple[Any, ...]:
        """Return banner, "anyway" box, results, both number cards, both maps and their difference."""
        if comparison is None:
            return (gr.skip(),) * 8
        shown = anyway or not comparison.refused
        maps = ["", "", ""]
        if shown:
            maps = [map_card(comparison, index, self.models, language) for index in (0, 1)]
            maps.append(difference_card(comparison, self.models, language))
        banner, *cards = self.render_verdicts(comparison, first, second, anyway, language)
        return banner, gr.update(visible=comparison.refused), gr.update(visible=shown), *cards, *maps

    def render_verdicts(
        self, comparison: Comparison | None, first: float, second: float, anyway: bool, language: str
    ) -> tuple[Any, ...]:
        """Return the banner and both number cards: all that a threshold changes; nothing is run again."""
        if comparison is None:
            return (gr.skip(),) * 3
        refusal = refusal_card(comparison, self.models, language) if comparison.refused else ""
        if comparison.refused and not anyway:
            return refusal, "", ""
        triples = zip(self.models, comparison.predictions, (first, second), strict=True)
        cards = [model_card(model, prediction, threshold, language) for model, prediction, threshold in triples]
        return refusal + joint_card(comparison, self.models, (first, second), language), *cards

    def compare(self, image: str) -> tuple[dict[str, Any], Image.Image, Image.Image]:
        """Compare what two neural networks say of one bone radiograph: is there a fracture?

        Args:
            image: the radiograph: DICOM, JPEG, PNG, TIFF, WebP or BMP.

        Returns:
            A record (for each network its calibrated probability of a fracture, threshold, verdict,
            whether the image is like those it knows, evidence and time; then whether they agree),
            and the image with each network's evidence map over it. No medical device.
        """
        if image is None:
            raise gr.Error("image is missing: expected one radiograph", print_exception=False)
        comparison = judge(image, self.models)
        overlays = [overlay(comparison.grey, prediction.evidence) for prediction in comparison.predictions]
        return describe(comparison, self.models, self.thresholds), overlays[0], overlays[1]

    def list_models(self) -> list[dict[str, Any]]:
        """List the two networks: name, source, revision, threshold, calibration, and what was measured."""
        return describe_models(self.models)
