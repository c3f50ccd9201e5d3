"""The parts of the page below and beside the comparison: keep, share, batch, feedback, endpoints."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import api

from page.cards import notice
from page.scripts import SAVE
from page.services import Services
from page.texts import translate
from page.theme import I18N

Spoken = tuple[Any, Callable[[str], dict[str, Any]]]  # a part of the page, and its properties in a language
CSV_LABEL: Any = I18N("batch.csv")  # Gradio translates it, though its annotation says str
QUIET: Any = {"api_visibility": "private"}


def add_keep(services: Services, inputs: list[Any]) -> None:
    """Add the buttons that make and save a report."""
    for kind, make in (("pdf", services.make_pdf), ("json", services.make_json)):
        button = gr.Button(I18N(f"report.{kind}"), variant="primary", min_width=180, elem_id=f"make-{kind}")
        saved = gr.DownloadButton(elem_classes="bx-unseen", elem_id=f"save-{kind}")
        button.click(make, inputs, saved, **QUIET).success(None, js=SAVE.format(f"save-{kind}"))


def add_sharing(
    services: Services, comparison: gr.State, sliders: list[gr.Slider], key: gr.State, language: gr.Dropdown
) -> tuple[list[gr.Textbox], gr.Accordion, list[Any]]:
    """Add the link to an example's view, and the opt-in link to a visitor's own image.

    Returns:
        The three links, what holds the latter two, and of it the consent and the links that were made.
    """
    link = gr.Textbox(label=I18N("share.link"), visible=False, interactive=False, buttons=["copy"], elem_id="link")
    with gr.Accordion(I18N("share"), open=False, visible=False, elem_id="share") as own:
        consent = gr.Checkbox(label=I18N("share.consent"), elem_id="consent")
        create = gr.Button(I18N("share.create"), interactive=False, elem_id="create")
        with gr.Column(visible=False) as made:
            public = gr.Textbox(label=I18N("share.public"), interactive=False, buttons=["copy"], elem_id="public")
            private = gr.Textbox(label=I18N("share.private"), interactive=False, buttons=["copy"], elem_id="private")
            said = gr.Markdown()
    consent.change(lambda ticked: gr.update(interactive=ticked), consent, create, **QUIET)
    create.click(services.share, [comparison, *sliders, language], [public, private, said, key], **QUIET).success(
        lambda: gr.update(visible=True), None, made, **QUIET
    )
    return [link, public, private], own, [consent, made]


def add_deletion(services: Services, key: gr.State, made: list[Any], language: gr.Dropdown) -> gr.Markdown:
    """Add the button that ends a share, for who holds its key; return what it says then."""
    delete = gr.Button(I18N("share.delete"), variant="stop", visible=False, elem_id="delete")
    ended = gr.Markdown(elem_id="ended")
    key.change(lambda held: gr.update(visible=held is not None), key, delete, **QUIET)
    delete.click(services.unshare, [key, language], [ended, key], **QUIET).success(fresh, None, made, **QUIET)
    return ended


def fresh() -> tuple[Any, Any]:
    """Return the consent, not given, and the links of a share, hidden: for an image that is not shared."""
    return False, gr.update(visible=False)


def add_feedback(services: Services, shown: list[Any], language: gr.Dropdown) -> list[Spoken]:
    """Add the form for visitors who know the truth; return what of it `gr.I18n` cannot say anew."""

    def choices(code: str) -> list[tuple[str, bool]]:
        return [(translate(code, "verdict.fractured"), True), (translate(code, "verdict.intact"), False)]

    with gr.Accordion(I18N("feedback"), open=False, elem_id="feedback"):
        gr.Markdown(I18N("feedback.more"))
        truth = gr.Radio(choices("en"), label=I18N("feedback.truth"))
        reason = gr.Textbox(label=I18N("feedback.reason"), max_length=1000)
        with_image = gr.Checkbox(label=I18N("feedback.image"))
        said = gr.Markdown()
        send = gr.Button(I18N("feedback.send"))
        form = [truth, reason, with_image]
        send.click(services.tell, [*shown, *form, language], [said, *form], **QUIET)
    return [(truth, lambda code: {"choices": choices(code)})]


def add_batch(services: Services, language: gr.Dropdown) -> list[Spoken]:
    """Add the tab for many images."""
    with gr.Tab(I18N("tab.batch"), id="many"):
        warning = gr.HTML(notice("en"))
        files = gr.File(
            label=I18N("batch.files"), file_count="multiple", height=180, elem_id="batch-files", elem_classes="bx-drop"
        )
        gr.Markdown(I18N("batch.more"), elem_classes="bx-small")
        run = gr.Button(I18N("batch.run"), variant="primary", elem_id="batch-run")
        rows, counts = gr.State(None), gr.Markdown(elem_id="batch-counts")
        anyway = gr.Checkbox(label=I18N("batch.anyway"), visible=False, elem_id="batch-anyway")
        table = gr.Dataframe(
            label=I18N("batch.table"),
            visible=False,
            interactive=False,
            wrap=True,
            elem_id="batch-table",
            column_widths=["200px", "160px", "160px", "125px", "120px", "260px"],
        )
        csv = gr.DownloadButton(CSV_LABEL, visible=False, elem_id="batch-csv")
        run.click(services.run_batch, [files, language], [rows, counts, table, anyway, csv, files], **QUIET)
        gr.on(
            [anyway.input, language.change], services.show_batch, [rows, anyway, language], [counts, table],
            show_progress="hidden", **QUIET,
        )  # fmt: skip
    return [(warning, lambda code: {"value": notice(code)})]


def add_endpoints(services: Services) -> None:
    """Give programs the named endpoints, which need no part of the page."""
    with gr.Row(visible=False):
        image, images = gr.File(label="image"), gr.File(label="images", file_count="multiple")
        # Gradio's own example, in the documentation of the endpoints, is a PDF.
        image.example_payload = lambda: _sent("wrist.jpg")
        images.example_payload = lambda: [_sent("wrist.jpg"), _sent("hands.zip")]
        record, rows, csv = gr.JSON(label="record"), gr.JSON(label="rows"), gr.File(label="csv")
        maps = [gr.Image(label=f"{place} map", format="jpeg") for place in ("first", "second")]
        one, many = gr.Button(), gr.Button()
    one.click(services.compare, image, [record, *maps], api_name="compare")
    many.click(services.compare_many, images, [rows, csv], api_name="compare_many")
    api(services.list_models, api_name="models")


def _sent(name: str) -> dict[str, Any]:
    """Return what a program sends for a file."""
    return {"path": name, "meta": {"_type": "gradio.FileData"}}
