"""What the gates refuse, as a visitor sees it: the reason first, in every language, and numbers only on demand."""

from dataclasses import replace
from pathlib import Path

import pytest
from browser_fixtures import OPEN, Visit, photograph, schemes, serious
from page_fixtures import free_port
from playwright.sync_api import Browser, expect
from test_page_handlers import gated

from page.comparison import Comparison, compare
from page.examples import load_examples
from page.handlers import Handlers
from page.layout import build
from page.models import Models, load_models
from page.services import Services
from page.sharing import Shares
from page.texts import LANGUAGES, TEXTS
from page.theme import CSS, I18N, THEME


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_has_no_serious_barrier(visit: Visit, bar: Path, language: str) -> None:
    """Nor have the numbers that are shown anyway, in any language, in the light and in the dark."""
    tab = visit(f"?lang={language}", width=390, height=844)
    expect(tab.locator("html")).to_have_attribute("lang", language)
    drop = tab.locator("#upload button")
    expect(drop).to_have_attribute("aria-label", TEXTS[language]["input.file"])
    tab.set_input_files("#upload input[type=file]", bar)
    expect(tab.locator("#banner .bx-refused")).to_contain_text(TEXTS[language]["refused"])
    expect(drop).to_have_attribute("aria-label", TEXTS[language]["input.file"])
    assert [serious(tab) for _ in schemes(tab)] == [[], []]
    tab.locator("#anyway input").check()
    expect(tab.locator(".bx-model")).to_have_count(2)
    assert [serious(tab) for _ in schemes(tab)] == [[], []]
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_refused_image_shows_why_and_its_numbers_only_on_demand(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page as it is with networks that have a gate."""

    def refuse(path: Path, models: Models) -> Comparison:
        compared = compare(path, models)
        refused = [gated(one, in_domain=False, domain_reason="facts") for one in compared.predictions]
        return replace(compared, predictions=tuple(refused))

    monkeypatch.setattr("page.handlers.compare", refuse)
    models, shares = load_models(), Shares()
    demo = build(Handlers(models, load_examples(), shares), Services(models, shares))
    _, url, _ = demo.launch(
        prevent_thread_lock=True, server_port=free_port(), quiet=True, i18n=I18N, theme=THEME, css_paths=CSS
    )
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(f"{url}?example=leg-oblique&lang=es")
    banner = tab.locator("#banner .bx-refused")
    expect(banner).to_contain_text("no se parecen a los de las radiografías de entrenamiento", timeout=OPEN)
    expect(tab.locator(".bx-model")).to_have_count(0)
    expect(banner).not_to_contain_text("%")
    photograph(tab, "refused")
    tab.locator("#anyway input").check()
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(banner).to_contain_text("Son conjeturas")
    assert serious(tab) == []
    photograph(tab, "refused-anyway")
    tab.close()
    demo.close()
