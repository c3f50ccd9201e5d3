"""The page for everyone: languages, small screens, screen readers, the keyboard, and nothing left behind."""

import re
import time

import pytest
from browser_fixtures import EXAMPLES, Visit, photograph, schemes, serious
from page_fixtures import free_port
from playwright.sync_api import Browser, Page, expect

from page.examples import load_examples
from page.handlers import Handlers
from page.layout import build
from page.models import load_models
from page.services import Services
from page.sharing import Shares
from page.texts import LANGUAGES, TEXTS


@pytest.mark.parametrize(
    ("locale", "heading", "direction"),
    [
        ("es-ES", "¿Está roto este hueso?", ""),
        ("zh-CN", "这块骨头断了吗？", ""),  # noqa: RUF001
        ("ar", "هل هذه العظمة مكسورة؟", "rtl"),
    ],
)
def test_the_browsers_language_is_spoken(visit: Visit, locale: str, heading: str, direction: str) -> None:
    """Texts, labels and writing direction follow it."""
    tab = visit("?example=leg-intact", locale=locale)
    expect(tab.locator("h1")).to_have_text(heading)
    expect(tab.locator("html")).to_have_attribute("lang", locale[:2])
    assert tab.evaluate("document.documentElement.dir") in (direction, direction or "ltr")
    expect(tab.locator(".bx-model")).to_have_count(2)
    visible = tab.locator("main").inner_text()
    assert not re.search(r"Threshold|Compare|Download|probability", visible), visible
    photograph(tab, f"language-{locale[:2]}")


def test_an_english_link_is_english_in_any_browser(visit: Visit) -> None:
    """What Gradio labels in the browser's language too, and what a screen reader is told."""
    tab = visit("?example=leg-intact&lang=en", locale="de-DE")
    expect(tab.locator("#make-pdf")).to_have_text(TEXTS["en"]["report.pdf"])
    expect(tab.locator("html")).to_have_attribute("lang", "en")
    expect(tab.get_by_role("tab").first).to_have_text(TEXTS["en"]["tab.compare"])
    expect(tab.locator(".bx-model")).to_have_count(2)
    assert not re.search(r"Schwelle|Vergleich|Herunterladen|Bruch|Fraktur", tab.locator("main").inner_text())


@pytest.mark.parametrize("width", [1280, 390])
def test_there_is_no_serious_barrier(visit: Visit, width: int) -> None:
    """axe-core finds none, nothing is cut off at the side, and the page is seen as designed, in light and dark."""
    tab = visit("?example=forearm-transverse", width=width, height=844)
    expect(tab.locator(".bx-layer").first).to_be_visible()
    expect(tab.locator(".bx-model")).to_have_count(2)
    for name in ("Compare", "Many at once", "About", "API"):
        tab.get_by_role("tab", name=name).click()
        expect(tab.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        for scheme in schemes(tab):
            assert serious(tab) == [], (name, scheme)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
            photograph(tab, f"{name.split()[0].lower()}-{width}-{scheme}")


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_there_is_no_serious_barrier_in_any_language(visit: Visit, language: str) -> None:
    """On a phone, in the dark: the comparison, and the long texts and drawings."""
    tab = visit(f"?example=hand-displaced&lang={language}", width=390, height=844, color_scheme="dark")
    expect(tab.locator(".bx-layer").first).to_be_visible()
    expect(tab.locator("#make-pdf")).to_have_text(TEXTS[language]["report.pdf"])
    expect(tab.locator("#banner")).to_contain_text(TEXTS[language]["joint.agree.more"])
    assert serious(tab) == []
    tab.get_by_role("tab").nth(2).click()
    expect(tab.locator(".bx-forest").first).to_be_visible()
    expect(tab.locator(".bx-plots svg[role=img]")).to_have_count(5)
    assert serious(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    photograph(tab, f"about-390-{language}")


def test_the_dropdown_says_everything_anew(visit: Visit) -> None:
    """Whatever the browser speaks: buttons, labels, captions, and the texts of every tab."""
    tab = visit("?example=leg-oblique")
    expect(tab.locator(".bx-model")).to_have_count(2)
    tab.locator("#language input").click()
    tab.get_by_role("option", name="Deutsch").click()
    expect(tab.locator("#make-pdf")).to_have_text(TEXTS["de"]["report.pdf"])
    expect(tab.locator("#again")).to_have_text(TEXTS["de"]["input.clear"])
    expect(tab.locator("#examples")).to_contain_text(TEXTS["de"]["state.oblique"])
    expect(tab.locator("#banner")).to_contain_text("kein Medizinprodukt")
    english = re.compile(r"\b(the|and|Threshold|Download|Fractured|Drop|File)\b")
    for number in range(4):
        tab.get_by_role("tab").nth(number).click()
        shown = tab.locator("main").inner_text()
        known = ("measured without leaks", "Drop File")
        said = [line for line in shown.splitlines() if english.search(line) and not any(one in line for one in known)]
        assert said == [], number


def tab_to(tab: Page, selector: str, key: str = "Tab", most: int = 60) -> None:
    """Press Tab, or Shift+Tab, until something inside is in focus."""
    for _ in range(most):
        tab.keyboard.press(key)
        if tab.evaluate("part => document.activeElement.closest(part) !== null", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of {key}")


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """Tab and Enter choose a file or an example and save a report; arrows move a threshold."""
    tab = visit()
    # Asked for before any key: Chromium would close a chooser that it is told too late to hand over.
    tab.on("filechooser", lambda chooser: chooser.set_files(EXAMPLES / "leg-oblique.jpg"))
    tab_to(tab, "#upload")
    tab.keyboard.press("Enter")
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(tab.locator("#link")).to_have_count(0)
    tab_to(tab, "#examples")
    tab.keyboard.press("Enter")
    expect(tab.locator("#link")).to_have_count(1)
    tab_to(tab, "#upload", "Shift+Tab")
    tab.keyboard.press("Space")
    expect(tab.locator("#link")).to_have_count(0)
    expect(tab.locator(".bx-model")).to_have_count(2)
    slider = tab.locator("#threshold-resnet50 input[type=range]")
    before = float(slider.input_value())
    slider.focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#threshold-resnet50 input[type=number]")).not_to_have_value(f"{before:.3f}")
    tab_to(tab, "#make-pdf")
    with tab.expect_download():
        tab.keyboard.press("Enter")


def test_a_closed_tab_is_forgotten(browser: Browser) -> None:
    """The server drops its session at once, images and maps included."""
    models, shares = load_models(), Shares()
    demo = build(Handlers(models, load_examples(), shares), Services(models, shares))
    _, url, _ = demo.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True)
    tab = browser.new_page()
    tab.goto(f"{url}?example=leg-oblique")
    expect(tab.locator(".bx-model")).to_have_count(2)
    sessions = demo.state_holder.session_data
    assert len(sessions) == 1
    tab.close()
    end = time.monotonic() + 30
    while sessions and time.monotonic() < end:
        time.sleep(0.2)
    demo.close()
    assert not sessions
