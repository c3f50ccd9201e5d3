"""How the page is laid out, and which handler each part calls."""

from typing import Any

import gradio as gr

from page.cards import head, notice
from page.examples import Example
from page.handlers import Handlers
from page.models import Models, title
from page.services import Services
from page.tabs import add_about, add_batch, add_endpoints, add_feedback, add_keep, add_sharing
from page.texts import LANGUAGES, RIGHT_TO_LEFT, translate
from page.theme import I18N

CHECK_FILES, FORGET_AFTER = 60, 900  # seconds: how often, and how old, what was written for a visitor is deleted
# Gradio has no part that sets a style or the document's language.
SET_OPACITY = "value => document.documentElement.style.setProperty('--bx-opacity', value / 100)"
SET_LANGUAGE = f"""code => {{
  document.documentElement.lang = code;
  document.documentElement.dir = {list(RIGHT_TO_LEFT)}.includes(code) ? 'rtl' : 'ltr';
}}"""
QUIET: Any = {"api_visibility": "private"}


def build(handlers: Handlers, services: Services) -> gr.Blocks:
    """Lay the page out for two networks."""
    gr.set_static_paths([example.path for example in handlers.examples])
    with gr.Blocks(title="bonexray", analytics_enabled=False, delete_cache=(CHECK_FILES, FORGET_AFTER)) as demo:
        comparison, key = gr.State(None), gr.State(None)
        with gr.Row(elem_classes="bx-top"):
            heading = gr.HTML(head("en"), min_width=280)
            language = gr.Dropdown(
                [(name, code) for code, name in LANGUAGES.items()], value="en", label=I18N("language"),
                filterable=False, scale=0, min_width=150, elem_id="language",
            )  # fmt: skip
        with gr.Tabs():
            with gr.Tab(I18N("tab.compare")):
                file, camera, gallery = _add_inputs(handlers.examples)
                banner = gr.HTML(notice("en"), elem_id="banner")
                anyway = gr.Checkbox(label=I18N("refused.show"), visible=False, elem_id="anyway")
                with gr.Column(visible=False, elem_id="results") as results:
                    cards, sliders, maps = _add_columns(handlers.models)
                    opacity = gr.Slider(0, 100, 65, step=1, label=I18N("opacity"), buttons=[], elem_id="opacity")
                    with gr.Accordion(I18N("difference"), open=False):
                        maps.append(gr.HTML(elem_id="difference"))
                    state = [comparison, *sliders]
                    with gr.Row():
                        again = gr.Button(I18N("input.clear"), elem_id="again")
                        reset = gr.Button(I18N("threshold.reset"), elem_id="reset")
                        add_keep(services, [*state, language])
                    link, own = add_sharing(services, comparison, sliders, key, language)
                    if services.feedback:
                        add_feedback(services, comparison, language)
            add_batch(services, language)
            add_about(handlers.models)

        view = [banner, anyway, results, own, *cards, *maps]
        for event, handler, inputs, outputs in (
            (file.upload, handlers.judge_upload, file, [*state, anyway, file]),
            (camera.input, handlers.judge_upload, camera, [*state, anyway, camera]),
            (gallery.select, handlers.judge_example, None, [*state, anyway]),
            (again.click, handlers.start_again, None, [*state, anyway]),
            (demo.load, handlers.open_link, None, [*state, anyway, language, key]),
        ):
            # A pasted image comes as two events, nothing and then the image: the last one counts.
            judged = event(handler, inputs, outputs, trigger_mode="always_last", **QUIET)
            shown = judged.success(handlers.render, [*state, anyway, language], view, **QUIET)
            shown.then(handlers.render_link, [*state, language], link, **QUIET)
        anyway.input(handlers.render, [*state, anyway, language], view, **QUIET)
        reset.click(lambda: handlers.thresholds, None, sliders, **QUIET)
        gr.on(
            [slider.change for slider in sliders], handlers.render_verdicts, [*state, anyway, language],
            [banner, *cards], show_progress="hidden", trigger_mode="always_last", **QUIET,
        ).then(handlers.render_link, [*state, language], link, show_progress="hidden", **QUIET)  # fmt: skip
        opacity.input(None, opacity, js=SET_OPACITY)
        _add_language(demo, language, heading, handlers, gallery).then(
            handlers.render, [*state, anyway, language], view, **QUIET
        ).then(handlers.render_link, [*state, language], link, **QUIET)
        add_endpoints(services)
        _add_forgetting(demo)
    return demo


def _add_forgetting(demo: gr.Blocks) -> None:
    """Drop what Gradio keeps of a closed tab, which would otherwise stay for an hour and longer."""

    def forget(request: gr.Request) -> None:
        demo.state_holder.session_data.pop(request.session_hash or "", None)

    demo.unload(forget)


def _add_inputs(examples: Any) -> tuple[gr.File, gr.Image, gr.Gallery]:  # noqa: ANN401
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            file = gr.File(label=I18N("input.file"), height=190, elem_id="upload")
            gr.Markdown(I18N("input.formats"), elem_classes="bx-small")
            with gr.Accordion(I18N("input.camera"), open=False):
                camera = gr.Image(
                    sources=["clipboard", "webcam"], type="filepath", image_mode=None, buttons=[], height=260,
                    label=I18N("input.camera"), elem_id="camera",
                )  # fmt: skip
        with gr.Column(scale=5, min_width=300):
            gallery = gr.Gallery(
                _captioned(examples, "en"), label=I18N("examples"), columns=4, height="auto", allow_preview=False,
                object_fit="cover", interactive=False, buttons=[], elem_id="examples",
            )  # fmt: skip
    return file, camera, gallery


def _add_columns(models: Models) -> tuple[list[gr.HTML], list[gr.Slider], list[gr.HTML]]:
    cards, sliders, maps = [], [], []
    with gr.Row(equal_height=False):
        for model in models:
            with gr.Column(min_width=320):
                cards.append(gr.HTML())
                sliders.append(
                    gr.Slider(
                        0, 1, model.threshold, step=0.001, precision=3, label=f"{title(model)}",
                        info=I18N("threshold.info"), buttons=[], elem_id=f"threshold-{model.name}",
                    )
                )  # fmt: skip
                maps.append(gr.HTML())
    return cards, sliders, maps


def _captioned(examples: list[Example], language: str) -> list[tuple[str, str]]:
    return [(str(example.path), example.caption(language)) for example in examples]


def _add_language(
    demo: gr.Blocks, language: gr.Dropdown, heading: gr.HTML, handlers: Handlers, gallery: gr.Gallery
) -> Any:  # noqa: ANN401 - Gradio's dependency
    """Let the dropdown say every text of the page anew; `gr.I18n` alone knows only the browser's language."""
    labelled = [
        (block, name, value.key)
        for block in demo.blocks.values()
        for name in ("label", "info", "value", "placeholder")
        if isinstance(value := getattr(block, name, None), type(I18N("")))
    ]

    def speak(code: str) -> list[Any]:
        texts = [gr.update(**dict[str, Any]([(name, translate(code, key))])) for _, name, key in labelled]
        return [head(code), gr.update(value=_captioned(list(handlers.examples), code)), *texts]

    changed = language.change(speak, language, [heading, gallery, *(block for block, _, _ in labelled)], **QUIET)
    language.change(None, language, js=SET_LANGUAGE)
    return changed
