"""What the Compare tab does when something is touched: plain functions of values, no layout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from bonexray.errors import ImageError
from page.cards import joint_card, model_card, notice, problem_card, refusal_card
from page.comparison import Comparison, compare, exact
from page.examples import Example
from page.maps import difference_card, map_card
from page.models import Models
from page.scripts import TABS
from page.sharing import Shares, read_thresholds, view_link
from page.texts import choose_language, translate
from page.uploads import judge

NOTHING = gr.skip()


@dataclass(frozen=True)
class Handlers:
    """The handlers of the Compare tab, for two networks and the examples beside them."""

    models: Models
    examples: Sequence[Example]
    shares: Shares

    @property
    def thresholds(self) -> tuple[float, float]:
        """The two thresholds that were chosen on validation data."""
        return self.models[0].threshold, self.models[1].threshold

    def judge_upload(self, path: str | None) -> tuple[Any, ...]:
        """Compare an uploaded file: comparison, problem, thresholds as measured, "anyway" off, an empty input."""
        if path is None:
            return (NOTHING,) * 6
        try:
            comparison, problem = judge(path, self.models), None
        except ImageError as error:
            comparison, problem = None, (error.kind, str(error))
        return (comparison, problem, *self.thresholds, False, None)

    def judge_example(self, event: gr.SelectData) -> tuple[Any, ...]:
        """Compare the chosen example: comparison, no problem, thresholds as measured, "anyway" off."""
        return (self._example(self.examples[event.index]), None, *self.thresholds, False)

    def start_again(self) -> tuple[Any, ...]:
        """Forget the comparison: neither comparison nor problem, thresholds as measured, "anyway" off."""
        return (None, None, *self.thresholds, False)

    def open_link(self, request: gr.Request) -> tuple[Any, ...]:
        """Show what the address asks for: comparison, problem, thresholds, "anyway" off, language, the share's key."""
        asked, (language, _) = dict(request.query_params), languages(request)
        comparison = self._linked(asked, language)
        if comparison is None:  # whoever was quicker, and has chosen an image already, keeps it
            return (*[NOTHING] * 5, language, None)
        thresholds = read_thresholds(asked.get("t"), self.thresholds)
        key = (asked["shared"], asked["key"]) if {"shared", "key"} <= asked.keys() else None
        return (comparison, None, *thresholds, False, language, key)

    def open_tab(self, request: gr.Request) -> Any:  # noqa: ANN401 - Gradio's update
        """Show the tab that the address asks for."""
        asked = request.query_params.get("tab")
        return gr.update(selected=asked) if asked in TABS else NOTHING

    def render(
        self,
        comparison: Comparison | None,
        problem: tuple[str, str] | None,
        first: float,
        second: float,
        anyway: bool,
        language: str,
    ) -> tuple[Any, ...]:
        """Return banner, "anyway" box, results, share of an own image, both cards, both maps, difference."""
        if comparison is None:
            banner = problem_card(*problem, language) if problem else notice(language)
            return banner, gr.update(visible=False), gr.update(visible=False), NOTHING, *([""] * 5)
        shown = anyway or not comparison.refused
        maps = ["", "", ""]
        if shown:
            maps = [map_card(comparison, index, self.models, language) for index in (0, 1)]
            maps.append(difference_card(comparison, self.models, language))
        banner, *cards = self.render_verdicts(comparison, first, second, anyway, language)
        own = gr.update(visible=not comparison.subject)
        return banner, gr.update(visible=comparison.refused), gr.update(visible=shown), own, *cards, *maps

    def render_verdicts(
        self, comparison: Comparison | None, first: float, second: float, anyway: bool, language: str
    ) -> tuple[Any, ...]:
        """Return the banner and both cards: all that a threshold changes; nothing is run again."""
        if comparison is None:
            return (NOTHING,) * 3
        refusal = refusal_card(comparison, self.models, anyway, language) if comparison.refused else ""
        if comparison.refused and not anyway:
            return refusal, "", ""
        thresholds = exact((first, second), self.models)
        triples = zip(self.models, comparison.predictions, thresholds, strict=True)
        cards = [model_card(*triple, language, guess=comparison.refused) for triple in triples]
        return refusal + joint_card(comparison, self.models, thresholds, language), *cards

    def render_links(
        self,
        comparison: Comparison | None,
        first: float,
        second: float,
        language: str,
        made: tuple[str, str] | None,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """Return the link to this view, hidden while nothing may be linked, and a share's two, where there is one."""
        shared = share_links(made, (first, second), language, request) if made else (NOTHING, NOTHING)
        if comparison is None or not comparison.subject:
            return gr.update(value="", visible=False), *shared
        note = translate(language, "share.example") if "example" in comparison.subject else None
        link = view_link(address(request), comparison.subject, (first, second), language)
        return gr.update(value=link, visible=True, info=note), *shared

    def _linked(self, asked: dict[str, str], language: str) -> Comparison | None:
        if "shared" in asked:
            shared = self.shares.open(asked["shared"])
            if shared is None:
                gr.Warning(translate(language, "share.gone"))
            return shared
        named = {example.name: example for example in self.examples}
        example = named.get(asked.get("example", ""))
        return self._example(example) if example else None

    def _example(self, example: Example) -> Comparison:
        compared = compare(example.path, self.models)
        return replace(compared, subject={"example": example.name}, simulated=example.simulated)


def languages(request: gr.Request) -> tuple[str, str]:
    """Return the language that the page is to speak, and the browser's own, which the address may overrule."""
    own = request.headers.get("accept-language", "")
    return choose_language(request.query_params.get("lang"), own), choose_language(None, own)


def share_links(
    made: tuple[str, str], thresholds: Sequence[float], language: str, request: gr.Request
) -> tuple[str, str]:
    """Return the public link of a share, to the view as it is now, and the private one with the share's key."""
    public = {"shared": made[0]}
    private = public | {"key": made[1]}
    first, second = (view_link(address(request), one, thresholds, language) for one in (public, private))
    return first, second


def address(request: gr.Request) -> str:
    """Return the page's own address, as the visitor's browser sees it."""
    return request.headers.get("origin") or f"{request.url.scheme}://{request.headers['host']}"
