"""The tabs to read: how the figures were measured, and how a program asks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from bonexray import __version__
from page.figures import calibration_drawing, leak_drawing, leak_of, leak_table, table
from page.handlers import address
from page.models import Models
from page.networks import networks
from page.plots import curve_drawings
from page.scripts import ABOUT
from page.snippets import LOCAL, requests, usage
from page.tabs import Spoken
from page.texts import section
from page.theme import I18N

QUIET: Any = {"api_visibility": "private"}


def add_about(models: Models) -> list[Spoken]:
    """Add the tab that says what was measured, and how; return what it says in each language."""
    with gr.Tab(I18N("tab.about"), id=ABOUT):
        spoken = [
            _add_prose(lambda code: "\n\n".join([networks(models, code), section(code, "method"), table(models, code)]))
        ]
        for draw in (curve_drawings, calibration_drawing, leak_drawing):
            spoken.append((gr.HTML(draw(models, "en")), partial(_say_drawing, draw, models)))
        if leak_of(models):
            with gr.Accordion(I18N("leak.table"), open=False):
                spoken.append(_add_prose(lambda code: leak_table(models, code)))
        spoken.append(_add_prose(lambda code: section(code, "limits").replace("VERSION", __version__)))
        gr.Code(usage(models), language="python", interactive=False, show_label=False, label="Python")
    return spoken


def add_programs(demo: gr.Blocks) -> list[Spoken]:
    """Add the tab for programmers, with this page's own address in every example; return what it says."""
    with gr.Tab(I18N("tab.machines"), id="api"):
        python, curl, server = requests(LOCAL)
        spoken = [_add_prose(lambda code: section(code, "programs"))]
        parts = [
            gr.Code(python, language="python", interactive=False, label="Python"),
            gr.Code(curl, language="shell", interactive=False, label="curl"),
        ]
        spoken.append(_add_prose(lambda code: section(code, "assistants")))
        parts.append(gr.Code(server, language="shell", interactive=False, label="MCP", lines=1, elem_id="mcp"))

    def locate(request: gr.Request) -> list[str]:
        return requests(address(request))

    demo.load(locate, None, parts, show_progress="hidden", **QUIET)
    return spoken


def _add_prose(say: Callable[[str], str]) -> Spoken:
    part = gr.Markdown(say("en"), elem_classes="bx-prose")
    return part, lambda code: {"value": say(code)}


def _say_drawing(draw: Callable[[Models, str], str], models: Models, language: str) -> dict[str, Any]:
    return {"value": draw(models, language)}
