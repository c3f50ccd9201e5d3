"""A visitor's browser: headless Chromium on the started page, with screenshots kept in reports/screenshots."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCREENSHOTS = ROOT / "reports" / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
OPEN = 90_000  # milliseconds: the machine may be busy with a training
expect.set_options(timeout=30_000)
Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once; without one, what asks for it is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, page: str) -> Iterator[Visit]:
    """Open the page in a fresh context; at the end, no request may have left for another host."""
    contexts, outside = [], []

    def open_page(query: str = "", width: int = 1280, height: int = 900, script: str = "", **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **({"locale": "en-US"} | options))
        contexts.append(context)
        tab = context.new_page()
        tab.add_init_script(script)
        tab.on("request", lambda request: outside.append(request.url))
        tab.goto(page + query)
        expect(tab.locator("#examples button").first).to_be_visible(timeout=OPEN)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in outside if not url.startswith((page, "data:", "blob:"))] == []


def choose(tab: Page, name: str) -> None:
    """Click an example and wait for both answers."""
    tab.locator(f'#examples button:has(img[alt="{name}"])').click()
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(tab.locator(".bx-layer").first).to_be_visible()


def set_threshold(tab: Page, network: str, value: float) -> None:
    """Type a threshold into a network's slider."""
    box = tab.locator(f"#threshold-{network} input[type=number]")
    box.fill(str(value))
    box.press("Enter")


def settle(tab: Page) -> None:
    """Wait until no part waits for the server, and what Gradio fades in meanwhile is opaque."""
    tab.wait_for_function(
        """() => !document.querySelector('.pending') &&
          document.getAnimations().every(one => one.playState !== 'running' || one.effect.target?.offsetParent === null)
          && [...document.querySelectorAll('.html-container')].every(one => getComputedStyle(one).opacity === '1')"""
    )


def serious(tab: Page) -> list[str]:
    """List the accessibility violations that axe-core calls serious or critical, once nothing is on its way."""
    settle(tab)
    found = Axe().run(tab).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {node['html'][:150]}" for one in bad for node in one["nodes"]]


def schemes(tab: Page) -> Iterator[str]:
    """Show the page in the light, then in the dark, as a system does that changes its mind."""
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        expect(tab.locator("body.dark")).to_have_count(int(scheme == "dark"))
        yield scheme


def photograph(tab: Page, name: str) -> None:
    """Keep a picture of the whole page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
