"""The other ways in which a picture comes to the page: pasted, photographed, chosen in haste."""

import re

import pytest
from browser_fixtures import Visit
from playwright.sync_api import expect


@pytest.mark.parametrize("way", ["key", "button"])
def test_a_pasted_image_is_judged(visit: Visit, way: str) -> None:
    """Ctrl+V on either tab, and the button for phones: the clipboard is read as a file is; a grey bar is refused."""
    tab = visit(permissions=["clipboard-read", "clipboard-write"])
    tab.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement('canvas'), {width: 300, height: 400});
            const drawing = canvas.getContext('2d');
            drawing.fillStyle = '#999';
            drawing.fillRect(110, 0, 70, 400);
            const image = await new Promise(done => canvas.toBlob(done, 'image/png'));
            await navigator.clipboard.write([new ClipboardItem({'image/png': image})]);
        }"""
    )
    if way == "key":
        tab.keyboard.press("Control+v")
    else:
        tab.get_by_text("Paste or photograph").first.click()
        tab.locator("#camera button[aria-label*=clipboard]").click()
    expect(tab.locator("#banner .bx-refused")).to_have_count(1)
    expect(tab.locator(".bx-model")).to_have_count(0)
    expect(tab.locator("#link")).to_have_count(0)
    if way == "key":
        tab.get_by_role("tab", name="Many at once").click()
        for count in (1, 2):
            tab.keyboard.press("Control+v")
            expect(tab.locator("#batch-files tr.file")).to_have_count(count)


def test_examples_chosen_in_haste_end_with_the_last(visit: Visit) -> None:
    """No step of an earlier choice keeps the last one from being shown."""
    tab = visit()
    examples = tab.locator("#examples button:has(img)")
    for number in (0, 3, 6):
        examples.nth(number).click()
    expect(tab.locator("#link textarea, #link input")).to_have_value(re.compile("hand-displaced"))
    expect(tab.locator("#banner")).not_to_contain_text("processing")
    expect(tab.locator(".bx-model")).to_have_count(2)


LATE_END = """{
  const plain = window.fetch;
  const late = {async transform(part, out) {
    if (new TextDecoder().decode(part).includes('close_stream')) await new Promise(done => setTimeout(done, 1000));
    out.enqueue(part);
  }};
  window.fetch = async (...given) => {
    const answer = await plain(...given);
    const stream = (given[0].url ?? String(given[0])).includes('queue/data');
    return stream ? new Response(answer.body.pipeThrough(new TransformStream(late)), answer) : answer;
  };
}"""


def test_a_choice_that_meets_the_end_of_the_last_answer_is_shown(visit: Visit) -> None:
    """A connection that is slow to say "that was all" swallows nothing of what is asked meanwhile."""
    tab = visit(script=LATE_END)
    for name in ("leg-oblique", "hand-displaced"):
        tab.locator(f'#examples img[src*="{name}"]').click()
        expect(tab.locator("#link textarea, #link input")).to_have_value(re.compile(name))


def test_text_is_pasted_where_it_is_typed(visit: Visit) -> None:
    """Only a picture in the clipboard is taken for a radiograph."""
    tab = visit("?example=leg-intact", permissions=["clipboard-read", "clipboard-write"])
    expect(tab.locator(".bx-model")).to_have_count(2)
    tab.evaluate("navigator.clipboard.writeText('0.75')")
    box = tab.locator("#threshold-resnet50 input[type=number]")
    box.fill("")
    box.press("Control+v")
    expect(box).to_have_value("0.75")
    expect(tab.locator("#link textarea, #link input")).to_have_value(re.compile("example=leg-intact"))


def test_a_photograph_is_compared(visit: Visit) -> None:
    """The webcam's picture goes the way of a file; here a webcam that draws a test pattern."""
    tab = visit(permissions=["camera"])
    tab.get_by_text("Paste or photograph").first.click()
    tab.locator("#camera button[aria-label='Capture from camera']").click()
    tab.get_by_text("Click to Access Webcam").click()
    tab.wait_for_function("document.querySelector('#camera video')?.readyState === 4")
    tab.locator("#camera button[aria-label='capture photo']").click()
    expect(tab.locator("#banner .bx-joint")).to_have_count(1)
