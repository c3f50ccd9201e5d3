"""The page as a visitor has it, in a real browser: upload, thresholds, links, batches, reports."""

import json
import re
import zipfile
from pathlib import Path

from browser_fixtures import Visit, choose, photograph, serious, set_threshold
from playwright.sync_api import expect

from page.examples import FOLDER as EXAMPLES
from page.models import load_models


def test_a_newcomer_uploads_and_sees_both_answers(visit: Visit) -> None:
    """Two verdicts, two maps, the joint verdict, and the warning beside it."""
    tab = visit()
    expect(tab.locator("#banner")).to_contain_text("not a medical device")
    tab.set_input_files("#upload input[type=file]", EXAMPLES / "leg-oblique.jpg")
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(tab.locator("#banner .bx-joint h2")).to_be_visible()
    expect(tab.locator("#banner .bx-joint .bx-warning")).to_contain_text("not a medical device")
    expect(tab.locator("#results .bx-layer:visible")).to_have_count(2)
    expect(tab.locator("#upload")).not_to_contain_text("leg-oblique")
    photograph(tab, "upload")


def test_what_cannot_be_read_is_said_where_the_verdict_would_be(visit: Visit, tmp_path: Path) -> None:
    """And stays there, until the next file is compared."""
    (tmp_path / "notes.png").write_text("no image")
    tab = visit(width=390, height=844)
    tab.set_input_files("#upload input[type=file]", tmp_path / "notes.png")
    expect(tab.locator("#banner .bx-problem")).to_contain_text("notes.png is no image")
    expect(tab.locator("#banner .bx-problem h2")).to_be_in_viewport()
    expect(tab.locator("#results")).to_be_hidden()
    photograph(tab, "problem")
    tab.set_input_files("#upload input[type=file]", EXAMPLES / "leg-oblique.jpg")
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(tab.locator("#banner .bx-problem")).to_have_count(0)


def test_a_threshold_moves_the_verdict_and_the_disagreement_is_shown(visit: Visit) -> None:
    """Nothing is run again: the time that it took stays the same."""
    tab = visit()
    choose(tab, "Forearm · transverse fracture")
    first = tab.locator(".bx-model").first
    milliseconds = re.search(r"\d+ ms", first.inner_text())
    box, measured = tab.locator("#threshold-resnet50 input[type=number]"), str(round(load_models()[1].threshold, 3))
    for nonsense in ("", "-3", "42"):
        box.fill(nonsense)
        box.press("Enter")
        box.blur()
        expect(box).to_have_value(measured)
    set_threshold(tab, "mobilenetv2", 0)
    set_threshold(tab, "resnet50", 1)
    expect(tab.locator("#banner .bx-disagree h2")).to_contain_text("disagree")
    expect(first.locator(".bx-verdict")).to_contain_text("Fractured")
    expect(tab.locator(".bx-model").nth(1).locator(".bx-verdict")).to_contain_text("Not fractured")
    assert milliseconds and milliseconds[0] in first.inner_text()
    photograph(tab, "disagreement")
    tab.locator("#reset").click()
    expect(box).to_have_value(measured)


def test_the_opacity_slider_changes_the_map(visit: Visit) -> None:
    """The layer of evidence becomes as strong as the slider says."""
    tab = visit("?example=hand-displaced")
    layer = tab.locator(".bx-stack .bx-layer").last
    expect(layer).to_be_visible()
    box = tab.locator("#opacity input[type=number]")
    box.fill("10")
    box.press("Enter")
    expect(layer).to_have_css("opacity", "0.1")


def test_where_the_maps_differ_is_shown(visit: Visit) -> None:
    """Small in the joint verdict, large below, with the names at the ends of its scale."""
    tab = visit("?example=hand-displaced")
    expect(tab.locator("#banner .bx-thumb .bx-layer")).to_be_visible()
    tab.get_by_role("button", name="Where the two maps differ").click()
    expect(tab.locator("#difference .bx-layer")).to_be_visible()
    expect(tab.locator("#difference .bx-scale")).to_have_text(re.compile(r"ResNet50 .*MobileNetV2", re.DOTALL))


def test_a_link_shows_the_same_view_again(visit: Visit) -> None:
    """Example, thresholds and language are in the address."""
    tab = visit("?lang=fr")
    choose(tab, "Main · fracture déplacée")
    set_threshold(tab, "resnet50", 0.9)
    link = tab.locator("#link textarea, #link input")
    expect(link).to_have_value(re.compile(r"example=hand-displaced&t=[\d.]+,0\.9&lang=fr"))
    again = visit("/" + link.input_value().split("/")[-1])
    expect(again.locator(".bx-model")).to_have_count(2)
    expect(again.locator("h1")).to_have_text("Cet os est-il cassé ?")
    expect(again.locator("#threshold-resnet50 input[type=number]")).to_have_value("0.9")
    expect(tab.locator("#banner")).not_to_contain_text("processing")
    expect(again.locator("#banner")).to_have_text(tab.locator("#banner").inner_text(), use_inner_text=True)


def test_an_upload_is_shared_only_when_its_owner_says_so(visit: Visit) -> None:
    """The link works for others until the owner deletes it."""
    tab = visit()
    tab.set_input_files("#upload input[type=file]", EXAMPLES / "arm-comminuted.jpg")
    expect(tab.locator(".bx-model")).to_have_count(2)
    expect(tab.locator("#link")).to_have_count(0)
    tab.locator("#share button").first.click()
    expect(tab.locator("#create")).to_be_disabled()
    tab.locator("#consent input").check()
    tab.locator("#create").click()
    public = tab.locator("#public textarea, #public input")
    expect(public).to_have_value(re.compile("shared="))
    tab.locator("#threshold-resnet50 input[type=number]").fill("0.8")
    tab.keyboard.press("Tab")
    expect(public).to_have_value(re.compile(r"t=[\d.]+,0\.8&"))
    query = "/" + public.input_value().split("/")[-1]
    other = visit(query)
    expect(other.locator(".bx-model")).to_have_count(2)
    expect(other.locator("#delete")).to_have_count(0)
    private = "/" + tab.locator("#private textarea, #private input").input_value().split("/")[-1]
    choose(tab, "Hand · intact")
    tab.set_input_files("#upload input[type=file]", EXAMPLES / "leg-oblique.jpg")
    expect(tab.locator("#consent input")).not_to_be_checked()
    expect(tab.locator("#public")).to_have_count(0)
    owner = visit(private)
    owner.locator("#delete").click()
    expect(owner.locator("#ended")).to_contain_text("Deleted")
    expect(owner.locator("#delete")).to_have_count(0)
    late = visit(query)
    expect(late.locator("body")).to_contain_text("has expired or was deleted")
    expect(late.locator(".bx-model")).to_have_count(0)


def test_many_at_once_ends_in_a_table_and_a_csv(visit: Visit, bar: Path, tmp_path: Path) -> None:
    """A ZIP, a file that is none and one that is refused: every image is a row, a refusal's numbers only on demand."""
    with zipfile.ZipFile(tmp_path / "bones.zip", "w") as archive:
        for name in ("hand-intact.jpg", "leg-intact.jpg"):
            archive.write(EXAMPLES / name, name)
    (tmp_path / "broken.png").write_text("no image")
    tab = visit()
    tab.get_by_role("tab", name="Many at once").click()
    tab.locator("#batch-run").click()
    expect(tab.locator("body")).to_contain_text("Choose X-rays or a ZIP first.")
    expect(tab.locator("#batch-files")).not_to_contain_text("Error")
    tab.set_input_files("#batch-files input[type=file]", [tmp_path / "bones.zip", tmp_path / "broken.png", bar])
    expect(tab.locator("#batch-files")).to_contain_text("broken")
    expect(tab.locator("main")).to_contain_text("not a medical device")
    assert serious(tab) == []
    tab.locator("#batch-run").click()
    table = tab.locator("#batch-table")
    for text in ("hand-intact.jpg", "leg-intact.jpg", "broken.png is no image"):
        expect(table).to_contain_text(text)
    expect(tab.locator("#batch-counts")).to_contain_text("Images: 4")
    refused = table.get_by_role("row").filter(has_text="bar.png")
    expect(refused).to_contain_text("hidden")
    expect(refused).not_to_contain_text("%")
    assert serious(tab) == []
    with tab.expect_download() as download:
        tab.locator("#batch-csv").click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == 5
    tab.locator("#batch-anyway input").check()
    expect(refused).to_contain_text("%")
    expect(refused).to_contain_text("refused")
    photograph(tab, "batch")


def test_reports_are_saved(visit: Visit) -> None:
    """One click each: a PDF, and JSON with the numbers that the page shows."""
    tab = visit("?example=hand-intact")
    expect(tab.locator(".bx-model")).to_have_count(2)
    with tab.expect_download(timeout=20_000) as download:
        tab.locator("#make-pdf").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    with tab.expect_download(timeout=20_000) as download:
        tab.locator("#make-json").click()
    record = json.loads(download.value.path().read_text())
    assert f"{record['models'][0]['probability']:.0%}" in tab.locator(".bx-number").first.inner_text()
