"""How the page is laid out, and which handler each part calls."""

from pathlib import Path

import gradio as gr

from page.handlers import Handlers
from page.models import Models, title
from page.texts import TEXTS, translate

CSS = Path(__file__).with_name("style.css")
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
THEME = gr.themes.Base(primary_hue="indigo", neutral_hue="slate", font=FONTS, font_mono=["ui-monospace", "monospace"])
I18N = gr.I18n(**TEXTS)
FORGET_AFTER = 900  # seconds: what the page itself wrote to disk for a visitor

text = I18N
js_opacity = "value => document.documentElement.style.setProperty('--bx-opacity', value / 100)"


def build(models: Models) -> gr.Blocks:
    """Lay the page out for two networks."""
    handlers = Handlers(models)
    with gr.Blocks(title="bonexray", analytics_enabled=False, delete_cache=(60, FORGET_AFTER)) as demo:
        comparison, language = gr.State(None), gr.State("en")
        gr.HTML(f"<h1>{translate('en', 'title')}</h1><p>{translate('en', 'tagline')}</p>")
        file = gr.File(label=text("input.file"), elem_id="upload")
        banner = gr.HTML(f'<p class="bx-warning">{translate("en", "warning")}</p>')
        anyway = gr.Checkbox(label=text("refused.show"), visible=False)
        with gr.Column(visible=False) as results:
            with gr.Row():
                cards, sliders, maps = [], [], []
                for model in models:
                    with gr.Column(min_width=320):
                        cards.append(gr.HTML())
                        sliders.append(gr.Slider(0, 1, model.threshold, step=0.005, label=f"{title(model)}"))
                        maps.append(gr.HTML())
            opacity = gr.Slider(0, 100, 60, step=1, label=text("opacity"))
            with gr.Accordion(text("difference"), open=False):
                difference = gr.HTML()
        state = [comparison, *sliders, anyway, language]
        file.upload(
            handlers.judge_upload, file, [comparison, *sliders, file, anyway], api_visibility="private"
        ).success(
            handlers.render, state, [banner, anyway, results, *cards, *maps, difference], api_visibility="private"
        )
        gr.on(
            [slider.input for slider in sliders],
            handlers.render_verdicts,
            state,
            [banner, *cards],
            api_visibility="private",
            show_progress="hidden",
            trigger_mode="always_last",
        )
        opacity.input(None, opacity, js=js_opacity)
        _add_endpoints(handlers)
    return demo


def _add_endpoints(handlers: Handlers) -> None:
    """Give programs the named endpoints, which need no part of the page."""
    with gr.Row(visible=False):
        image, button = gr.File(label="image"), gr.Button()
        outputs = [
            gr.JSON(label="record"),
            gr.Image(label="first map", format="jpeg"),
            gr.Image(label="second map", format="jpeg"),
        ]
    button.click(handlers.compare, image, outputs, api_name="compare")
    gr.api(handlers.list_models, api_name="models")
