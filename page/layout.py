"""How the page is laid out, and which handler each part calls."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from page.cards import head, notice, promise
from page.examples import Example
from page.handlers import Handlers, languages
from page.models import Models
from page.scripts import SET_LANGUAGE, SET_OPACITY, SHOW_VERDICT, START
from page.services import Services
from page.tabs import (
    Spoken,
    add_batch,
    add_deletion,
    add_endpoints,
    add_feedback,
    add_keep,
    add_sharing,
    fresh,
)
from page.texts import LANGUAGES, TEXTS, translate
from page.theme import I18N
from page.writing import add_about, add_programs

CHECK_FILES, FORGET_AFTER = 60, 900  # seconds: how often, and how old, what was written for a visitor is deleted
# Gradio skips a step that is still running for the event before: its last result would never be shown.
QUIET: Any = {"api_visibility": "private"}
STEP: Any = {"trigger_mode": "multiple", "show_progress": "hidden", **QUIET}


def build(handlers: Handlers, services: Services) -> gr.Blocks:
    """Lay the page out for two networks."""
    gr.set_static_paths([example.path for example in handlers.examples])
    with gr.Blocks(title="bonexray", analytics_enabled=False, delete_cache=(CHECK_FILES, FORGET_AFTER)) as demo:
        comparison, problem, key = gr.State(None), gr.State(None), gr.State(None)
        with gr.Row(elem_classes="bx-top"):
            heading = gr.HTML(head("en"), min_width=200)
            language = gr.Dropdown(
                [(name, code) for code, name in LANGUAGES.items()], value="en", label=I18N("language"),
                filterable=False, scale=0, min_width=110, elem_id="language",
            )  # fmt: skip
        with gr.Tabs() as tabs:
            with gr.Tab(I18N("tab.compare"), id="compare"):
                file, camera, gallery, kept = _add_inputs(handlers.examples)
                banner = gr.HTML(notice("en"), elem_id="banner")
                anyway = gr.Checkbox(label=I18N("refused.show"), visible=False, elem_id="anyway")
                with gr.Column(visible=False, elem_id="results") as results:
                    cards, sliders, maps = _add_columns(handlers.models)
                    reset, difference = _add_tools()
                    state = [comparison, *sliders]
                    with gr.Row():
                        add_keep(services, [*state, language])
                        again = gr.Button(I18N("input.clear"), min_width=180, elem_id="again")
                    links, own, made = add_sharing(services, comparison, sliders, key, language)
                    told = add_feedback(services, state, language) if services.feedback else []
                ended = add_deletion(services, key, made, language)
            spoken = [
                *add_batch(services, language),
                *add_about(handlers.models),
                *add_programs(demo),
                *told,
                (heading, lambda code: {"value": head(code)}),
                (kept, lambda code: {"value": promise(code)}),
                (gallery, lambda code: {"value": _captioned(handlers.examples, code)}),
            ]

        shown = [comparison, problem, *sliders, anyway]
        view = [banner, anyway, results, own, *cards, *maps, difference]
        for event, handler, inputs, outputs in (
            (file.upload, handlers.judge_upload, file, [*shown, file]),
            (camera.input, handlers.judge_upload, camera, [*shown, camera]),
            (gallery.select, handlers.judge_example, None, shown),
            (again.click, handlers.start_again, None, shown),
            (demo.load, handlers.open_link, None, [*shown, language, key]),
        ):
            # A pasted image comes as two events, nothing and then the image: the last one counts. A choice of an
            # example says which in the event itself, and what "always_last" sends anew is the first event (6.31).
            mode: Any = "multiple" if event == gallery.select else "always_last"
            judged = event(handler, inputs, outputs, trigger_mode=mode, show_progress_on=banner, **QUIET)
            rendered = judged.success(handlers.render, [*shown, language], view, **STEP)
            if event not in (again.click, demo.load):
                rendered.then(None, js=SHOW_VERDICT)
            rendered.then(handlers.render_links, [*state, language, key], links, **STEP)
            judged.success(lambda: (*fresh(), ""), None, [*made, ended], **STEP)  # another image, not shared
        anyway.input(handlers.render, [*shown, language], view, **STEP)
        reset.click(lambda: handlers.thresholds, None, sliders, **QUIET)
        gr.on(
            [slider.change for slider in sliders], handlers.render_verdicts, [*state, anyway, language],
            [banner, *cards], show_progress="hidden", trigger_mode="always_last", **QUIET,
        ).then(handlers.render_links, [*state, language, key], links, **STEP)  # fmt: skip
        _add_language(demo, language, [*spoken, *_labelled(demo)]).then(
            handlers.render, [*shown, language], view, **STEP
        ).then(handlers.render_links, [*state, language, key], links, **STEP)
        add_endpoints(services)
        _add_visit(demo, handlers, tabs)
    return demo


def _add_visit(demo: gr.Blocks, handlers: Handlers, tabs: gr.Tabs) -> None:
    """Open the tab that the address names, and drop what Gradio would keep of a visit for an hour and longer."""

    def forget(request: gr.Request) -> None:
        demo.state_holder.session_data.pop(request.session_hash or "", None)

    demo.load(handlers.open_tab, None, tabs, show_progress="hidden", **QUIET)
    demo.load(None, js=START)
    demo.unload(forget)


def _add_inputs(examples: Sequence[Example]) -> tuple[gr.File, gr.Image, gr.Gallery, gr.HTML]:
    title = "examples" if all(example.simulated for example in examples) else "examples.real"
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300):
            file = gr.File(label=I18N("input.file"), height=180, elem_id="upload", elem_classes="bx-drop")
            kept = gr.HTML(promise("en"))
            with gr.Accordion(I18N("input.camera"), open=False):
                camera = gr.Image(
                    sources=["clipboard", "webcam"], type="filepath", image_mode=None, buttons=[], height=260,
                    label=I18N("input.camera"), elem_id="camera",
                )  # fmt: skip
        with gr.Column(scale=5, min_width=300):
            gallery = gr.Gallery(
                _captioned(examples, "en"), label=I18N(title), columns=4, height="auto", allow_preview=False,
                object_fit="cover", interactive=False, buttons=[], elem_id="examples",
            )  # fmt: skip
    return file, camera, gallery, kept


def _add_columns(models: Models) -> tuple[list[gr.HTML], list[gr.Slider], list[gr.HTML]]:
    cards, sliders, maps = [], [], []
    with gr.Row(equal_height=False):
        for model in models:
            with gr.Column(min_width=320, elem_classes="bx-column"):
                cards.append(gr.HTML())
                sliders.append(
                    gr.Slider(
                        0, 1, model.threshold, step=0.001, precision=3, label=I18N(f"threshold.{model.name}"),
                        info=I18N("threshold.info"), buttons=[], elem_id=f"threshold-{model.name}",
                    )
                )  # fmt: skip
                maps.append(gr.HTML())
    return cards, sliders, maps


def _add_tools() -> tuple[gr.Button, gr.HTML]:
    with gr.Row(elem_classes="bx-tools"):
        opacity = gr.Slider(0, 100, 65, step=1, label=I18N("opacity"), buttons=[], scale=3, elem_id="opacity")
        reset = gr.Button(I18N("threshold.reset"), min_width=180, elem_id="reset")
    opacity.input(None, opacity, js=SET_OPACITY)
    with gr.Accordion(I18N("difference"), open=False, elem_id="differ"):
        return reset, gr.HTML(elem_id="difference")


def _captioned(examples: Sequence[Example], language: str) -> list[tuple[str, str]]:
    return [(str(example.path), example.caption(language)) for example in examples]


def _labelled(demo: gr.Blocks) -> list[Spoken]:
    """Find what is labelled in the browser's language, which is all that `gr.I18n` knows, to say it in the chosen."""

    def speaker(name: str, key: str) -> Callable[[str], dict[str, Any]]:
        return lambda code: {name: translate(code, key)}

    keys = {str(I18N(key)): key for key in TEXTS["en"]}  # parts hold either form
    return [
        (block, speaker(name, key))
        for block in demo.blocks.values()
        for name in ("label", "info", "value", "placeholder")
        if (key := keys.get(str(getattr(block, name, None))))
    ]


def _add_language(demo: gr.Blocks, language: gr.Dropdown, spoken: Sequence[Spoken]) -> Any:  # noqa: ANN401 - Gradio's
    """Let the dropdown say every text of the page anew, and the address say them in English to any browser."""

    def speak(code: str) -> list[Any]:
        return [gr.update(**say(code)) for _, say in spoken]

    def speak_english(request: gr.Request) -> list[Any]:
        wanted, own = languages(request)
        # The dropdown stands there already: it does not change, while what is labelled speaks the browser's language.
        return speak("en") if wanted == "en" != own else [gr.skip() for _ in spoken]

    blocks = [block for block, _ in spoken]
    changed = language.change(speak, language, blocks, show_progress="hidden", **QUIET)
    language.change(None, language, js=SET_LANGUAGE)
    demo.load(speak_english, None, blocks, show_progress="hidden", **QUIET).then(None, language, js=SET_LANGUAGE)
    return changed
