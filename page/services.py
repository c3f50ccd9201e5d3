"""What goes out of the page: endpoints for programs, batches, reports, shared links, feedback."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gradio as gr
from PIL import Image

from bonexray.errors import ImageError
from page.batch import Row, compare_many, readable, summary, write_csv
from page.comparison import Comparison, describe, describe_models, exact
from page.feedback import Feedback, right
from page.handlers import share_links
from page.models import Models
from page.overlay import overlay
from page.report import write_json, write_pdf
from page.sharing import Shares
from page.texts import translate
from page.uploads import judge

BATCH_FIRST = gr.Progress()


@dataclass(frozen=True)
class Services:
    """Everything beside the Compare tab that asks the same two networks."""

    models: Models
    shares: Shares
    feedback: Feedback | None = None

    def compare(self, image: str) -> tuple[dict[str, Any], Image.Image, Image.Image]:
        """Compare what two neural networks say of one bone radiograph: is there a fracture? No medical device.

        Args:
            image: the radiograph: DICOM, JPEG, PNG, TIFF, WebP or BMP.

        Returns:
            A record (for each network its calibrated probability of a fracture, threshold, verdict, evidence and time, and what its gate says: in_domain is false for an image unlike the training radiographs, domain_score is above 1 then, domain_reason says why; then whether the networks agree), and the image with each network's evidence map over it.
        """  # noqa: E501 - the MCP schema takes a line break for a comma
        if image is None:
            raise gr.Error("image is missing: expected one radiograph", print_exception=False)
        try:
            comparison = judge(image, self.models)
        except ImageError as error:
            raise gr.Error(str(error), print_exception=False) from None
        overlays = [overlay(comparison.pixels, prediction.evidence) for prediction in comparison.predictions]
        return describe(comparison, self.models, self._thresholds), overlays[0], overlays[1]

    def compare_many(self, images: list[str], progress: gr.Progress = BATCH_FIRST) -> tuple[list[Row], str]:  # noqa: D417
        """Compare many bone radiographs, or ZIP files of them, with two neural networks. No medical device.

        Args:
            images: radiographs and ZIP files of radiographs, at most 200 images.

        Returns:
            A row for each image, the largest disagreement first (file; probability, threshold, verdict, whether that is uncertain, and gate of each network: in_domain, domain_score, domain_reason; agreement; in_domain, false where a gate refuses the image, whose probabilities are guesses and which comes after the others; a note where it could not be read or is refused, and the kind of problem: unreadable, several pictures, other DICOM, large, archive, or most where there were more), and the same as CSV.
        """  # noqa: E501 - Gradio fills in `progress`
        if not images:
            raise gr.Error("images are missing: expected radiographs, or a ZIP of them", print_exception=False)
        rows = compare_many(images, self.models, lambda done, of: progress((done, of)))
        return rows, write_csv(rows, self.models)

    def list_models(self) -> list[dict[str, Any]]:
        """List both neural networks: name, source, revision, threshold, uncertain band, calibration, whether gated."""
        return describe_models(self.models)

    def run_batch(
        self, images: list[str] | None, language: str, progress: gr.Progress = BATCH_FIRST
    ) -> tuple[Any, ...]:
        """Return the rows, a line of counts, "anyway" off, the table and the CSV to download, and empty the input."""
        if not images:  # an error would lie upon the place for the files, and hide those that are chosen next
            gr.Warning(translate(language, "batch.first"))
            return (gr.skip(),) * 6
        rows, csv = self.compare_many(images, progress)
        refused = any(row["in_domain"] is False for row in rows)
        anyway = gr.update(value=False, visible=refused)
        return rows, *self.show_batch(rows, False, language), anyway, gr.update(value=csv, visible=True), None

    def show_batch(self, rows: list[Row] | None, anyway: bool, language: str) -> tuple[Any, ...]:
        """Return the line of counts and the table; nothing is run again."""
        if not rows:
            return gr.skip(), gr.skip()
        header, cells = readable(rows, self.models, language, anyway=anyway)
        return summary(rows, language), gr.update(value=cells, headers=header, visible=True)

    def make_pdf(self, comparison: Comparison | None, first: float, second: float, language: str) -> str:
        """Write the comparison as PDF."""
        thresholds = exact((first, second), self.models)
        return write_pdf(_required(comparison, language), self.models, thresholds, language)

    def make_json(self, comparison: Comparison | None, first: float, second: float, language: str) -> str:
        """Write the comparison as JSON."""
        return write_json(_required(comparison, language), self.models, exact((first, second), self.models))

    def share(
        self, comparison: Comparison | None, first: float, second: float, language: str, request: gr.Request
    ) -> tuple[Any, ...]:
        """Share an image: its public link, its private link to delete it, what holds, and the key."""
        share = self.shares.add(_required(comparison, language))
        made = share.token, share.key
        until = datetime.fromtimestamp(share.expires, UTC).strftime("%Y-%m-%d %H:%M")
        links = share_links(made, (first, second), language, request)
        return (*links, translate(language, "share.expires", time=until), made)

    def unshare(self, key: tuple[str, str] | None, language: str) -> tuple[str, None]:
        """End a share and say so; its key opens nothing any more."""
        ended = key is not None and self.shares.delete(*key)
        return translate(language, "share.deleted" if ended else "share.gone"), None

    def tell(
        self,
        comparison: Comparison | None,
        first: float,
        second: float,
        fractured: bool | None,
        reason: str,
        with_image: bool,
        language: str,
    ) -> tuple[str, None, str, bool]:
        """Store what a visitor knows to be true; say which verdicts on the page were right, and empty the form."""
        known = _required(comparison, language)
        if fractured is None or self.feedback is None:
            raise gr.Error(translate(language, "feedback.truth"), print_exception=False)
        record = describe(known, self.models, exact((first, second), self.models))
        self.feedback.add(record, fractured, reason, known.pixels if with_image else None)
        judged = right(record, fractured).items()
        said = [
            translate(language, f"feedback.{'right' if correct else 'wrong'}", name=name) for name, correct in judged
        ]
        return f"{translate(language, 'feedback.thanks')} {' · '.join(said)}", None, "", False

    @property
    def _thresholds(self) -> list[float]:
        return [model.threshold for model in self.models]


def _required(comparison: Comparison | None, language: str) -> Comparison:
    if comparison is None:
        raise gr.Error(translate(language, "share.first"), print_exception=False)
    return comparison
