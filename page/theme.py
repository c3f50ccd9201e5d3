"""How the page looks, and the labels that Gradio itself translates."""

from pathlib import Path

import gradio as gr
from gradio.themes import Base

from page.texts import TEXTS

CSS = Path(__file__).with_name("style.css")
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
THEME = Base(primary_hue="indigo", neutral_hue="slate", font=FONTS, font_mono=["ui-monospace", "monospace"])
# Gradio's own greys and its accent fall short of WCAG's 4.5:1.
THEME.set(
    body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
    color_accent="*primary_600", button_primary_background_fill="*primary_600",
    button_primary_background_fill_dark="*primary_600", checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
)  # fmt: skip
I18N = gr.I18n(**TEXTS, **{"zh-CN": TEXTS["zh"], "zh-TW": TEXTS["zh"]})
