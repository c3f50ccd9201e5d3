"""The page for everyone: languages, small screens, screen readers, the keyboard, and nothing left behind."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_fixtures import Visit, photograph
from page_fixtures import free_port
from playwright.sync_api import Browser, Page, expect

from page.examples import load_examples
from page.handlers import Handlers
from page.layout import build
from page.models import load_models
from page.services import Services
from page.sharing import Shares


def serious(tab: Page) -> list[str]:
    """List the accessibility violations that axe-core calls serious or critical."""
    found = Axe().run(tab).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:150]}" for one in bad for node in one["nodes"]]


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
    expect(tab.locator(".bx-model")).to_have_count(2, timeout=30_000)
    visible = tab.locator("main").inner_text()
    assert not re.search(r"Threshold|Compare|Download|probability", visible), visible
    photograph(tab, f"language-{locale[:2]}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_there_is_no_serious_barrier(visit: Visit, scheme: str, width: int) -> None:
    """axe-core finds none, nothing is cut off at the side, and the page is seen as designed."""
    tab = visit("?example=forearm-transverse", width=width, height=844, color_scheme=scheme)
    expect(tab.locator(".bx-layer").first).to_be_visible(timeout=30_000)
    expect(tab.locator(".bx-model")).to_have_count(2)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    photograph(tab, f"page-{width}-{scheme}")
    assert serious(tab) == []
    for name in ("Many at once", "About", "For programs"):
        tab.get_by_role("tab", name=name).click()
        expect(tab.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        assert serious(tab) == [], name
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
    photograph(tab, f"programs-{width}-{scheme}")


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """Tab reaches an example, Enter chooses it, and an arrow key moves a threshold."""
    tab = visit()
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('#examples') !== null"):
            break
    tab.keyboard.press("Enter")
    expect(tab.locator(".bx-model")).to_have_count(2, timeout=30_000)
    slider = tab.locator("#threshold-resnet50 input[type=range]")
    before = float(slider.input_value())
    slider.focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#threshold-resnet50 input[type=number]")).not_to_have_value(f"{before:.3f}")


def test_a_closed_tab_is_forgotten(browser: Browser) -> None:
    """The server drops its session at once, images and maps included."""
    models, shares = load_models(), Shares()
    demo = build(Handlers(models, load_examples(), shares), Services(models, shares))
    _, url, _ = demo.launch(prevent_thread_lock=True, server_port=free_port(), quiet=True)
    tab = browser.new_page()
    tab.goto(f"{url}?example=leg-oblique")
    expect(tab.locator(".bx-model")).to_have_count(2, timeout=30_000)
    sessions = demo.state_holder.session_data
    assert len(sessions) == 1
    tab.close()
    end = time.monotonic() + 30
    while sessions and time.monotonic() < end:
        time.sleep(0.2)
    demo.close()
    assert not sessions
