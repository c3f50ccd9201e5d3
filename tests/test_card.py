"""The model card says what `classifier.json` says, and admits what it does not."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from bonexray.checkpoint import Checkpoint, read_checkpoint
from training.data.known import KNOWN_FINGERPRINT, KNOWN_NAME
from training.publishing.card import TEMPLATE, render_card
from training.publishing.card_tables import measured, metric_name

ROOT = Path(__file__).parents[1]


def of_known_data(checkpoint: Checkpoint) -> Checkpoint:
    """Let a checkpoint's record say that it was trained on the data of the bundled ones."""
    provenance = checkpoint.provenance
    data = {**provenance["data"], "fingerprint": KNOWN_FINGERPRINT}
    return replace(checkpoint, provenance={**provenance, "data": data})


def checklist(card: str, heading: str) -> list[str]:
    """Return the answers of one reporting checklist, in order."""
    section = card.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\| \d+ \| .+ \| (.+) \|$", section, re.MULTILINE)


def test_the_metadata_is_what_the_hub_reads(plain_checkpoint: Path) -> None:
    """Licence, library, task and data set are in the front matter, and the figures in the model index."""
    data = ModelCard(render_card(read_checkpoint(plain_checkpoint), "a/b", datasets=("a/rows",))).data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "keras", "image-classification")
    assert data.datasets == ["a/rows"]
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("auroc_matched", 0.8125)
    assert "0.750 to 0.875" in result.metric_name


def test_every_figure_comes_from_the_record(plain_checkpoint: Path) -> None:
    """Another threshold and another figure in the record are other numbers in the card."""
    checkpoint = read_checkpoint(plain_checkpoint)
    changed = replace(checkpoint, threshold=0.625, metrics={"per_source": {"auroc_in_img": {"value": 0.6875}}})
    before, after = render_card(checkpoint, "a/b"), render_card(changed, "a/b")
    assert "**0.312**" in before
    assert "| AUROC within an archive | 0.812 | 0.750 to 0.875 |" in before
    assert "| nearest neighbour | 0.984 | 0.594 |" in before
    assert "**0.625**" in after
    assert "| AUROC inside the archive img | 0.688 |  |" in after
    assert "0.812" not in after


def test_the_template_itself_holds_no_measured_figure() -> None:
    """Outside Jinja's braces there is no decimal fraction that a measurement could have given."""
    prose = re.sub(r"\{[{%].*?[%}]\}", "", TEMPLATE.read_text("utf-8"))
    assert re.findall(r"\b0?\.\d+", prose.replace("Apache-2.0", "").replace("ODC-By 1.0", "")) == []


def test_the_gate_is_described_with_what_it_refused(plain_checkpoint: Path) -> None:
    """Its counts and interval come from the record; without a gate the card says none."""
    checkpoint = read_checkpoint(plain_checkpoint)
    held_out = {"sources": 60, "refused": 2, "low": 0.0092, "high": 0.1136}
    card = render_card(replace(checkpoint, gate={"fitted_on": "404 sources", "held_out": held_out}), "a/b")
    assert "fitted on 404 sources. Of 60 held-out sources, one image each, it refuses 2" in card
    assert "0.009 to 0.114" in card
    assert "Domain gate: none." in render_card(checkpoint, "a/b")


def test_marks_are_told_where_the_training_had_some(plain_checkpoint: Path) -> None:
    """How many, of which file, and that evidence was compared with them; without, that it never was."""
    checkpoint = read_checkpoint(plain_checkpoint)
    about = {"name": "boxes.csv", "sha256": "ab" * 32, "images": 297}
    provenance = checkpoint.provenance | {"data": {**checkpoint.provenance.get("data", {}), "marks": about}}
    metrics = {"per_source": {"peak_on_mark": {"value": 0.6875}, "peak_on_mark_by_chance": {"value": 0.125}}}
    compared = replace(checkpoint, provenance=provenance, metrics=metrics)
    marked, bare = (render_card(one, "a/b") for one in (compared, checkpoint))
    index = ModelCard(marked).data.eval_results
    assert [one.metric_type for one in index] == ["peak_on_mark"]  # chance is no result of the network's
    assert "on 297 of its images (`boxes.csv`, SHA-256 abababababababab)" in marked
    assert "strongest cell lies on a marked fracture" in marked
    assert "not compared with marked fractures" in bare
    assert "boxes" not in bare


OUT_OF_FOLD = "out of fold (344 sources): out of fold: each source by a network of the same recipe that never saw it"


@pytest.mark.parametrize(
    ("split", "part", "sentence"),
    [
        (OUT_OF_FOLD, "out_of_fold", "Measured out of fold (344 sources): each source by a network of the same recipe "
         "that never saw it."),
        (f"{OUT_OF_FOLD}; it has no test", "out_of_fold", "that never saw it; it has no test."),
        ("test (60 sources): the test part, whose sources no training has seen", "test",
         "Measured on the test part, whose sources no training has seen: 60 sources."),
        ("test", None, "Measured on test."),
    ],
)  # fmt: skip
def test_the_card_says_what_the_figures_are_of(
    plain_checkpoint: Path, split: str, part: str | None, sentence: str
) -> None:
    """In one sentence; and where recipes were compared on the same folds, that this flatters them."""
    checkpoint = read_checkpoint(plain_checkpoint)
    card = render_card(replace(checkpoint, metrics={**checkpoint.metrics, "split": split, "set": part}), "a/b")
    assert sentence in card
    assert ("lean to the optimistic side" in card) == (part == "out_of_fold")


@pytest.mark.parametrize(
    ("fitted_on", "shown"),
    [
        ("validation: 66 sources, one image each", "the validation part: 66 sources, one image each"),
        ("out of fold, by networks of the same recipe: 344 sources, one image each",
         "answers out of fold, by networks of the same recipe: 344 sources, one image each"),
    ],
)  # fmt: skip
def test_threshold_and_calibration_say_where_they_come_from(plain_checkpoint: Path, fitted_on: str, shown: str) -> None:
    """Sources of a validation part, or answers out of fold; with the aim of the threshold."""
    calibration = {
        "method": "platt", "temperature": 1.5, "shift": 0.25, "fitted_on": fitted_on,
        "aim": "sensitivity of at least 0.95",
    }  # fmt: skip
    card = render_card(replace(read_checkpoint(plain_checkpoint), calibration=calibration), "a/b")
    assert f"- Calibration: platt, temperature 1.500, shift 0.250, fitted on {shown}. It is folded into" in card
    (threshold,) = re.findall("^- Threshold: .*", card, re.MULTILINE)
    assert "chosen for a sensitivity of at least 0.95 on the sources that the calibration was fitted on" in threshold
    assert threshold.endswith(", never on the test part.")


def test_a_network_without_calibration_claims_none(plain_checkpoint: Path) -> None:
    """Its threshold was chosen on nothing, and nothing is folded in."""
    card = render_card(replace(read_checkpoint(plain_checkpoint), calibration={"method": "none"}), "a/b")
    assert "on the network's own probability, and chosen on no data." in card
    assert "- Calibration: none.\n" in card
    assert "folded into" not in card


def test_an_unevaluated_checkpoint_says_so(plain_checkpoint: Path) -> None:
    """Without metrics there is no table, no model index, and the checklist counts the gaps."""
    card = render_card(replace(read_checkpoint(plain_checkpoint), metrics={}), "a/b")
    assert "has not been evaluated" in card
    assert ModelCard(card).data.eval_results is None
    assert "*missing*: not evaluated yet" in checklist(card, "CLAIM 2024")


@pytest.mark.parametrize(("heading", "items"), [("CLAIM 2024", 44), ("TRIPOD+AI", 27)])
def test_nine_in_ten_checklist_items_are_answered(plain_checkpoint: Path, heading: str, items: int) -> None:
    """Of the known data at most one in ten says missing; of others, of which no record tells, at most one in four."""
    checkpoint = read_checkpoint(plain_checkpoint)
    metrics = {**checkpoint.metrics, "robustness": {"rotated": {"auroc": {"value": 0.5}}}}
    other = replace(checkpoint, metrics=metrics)
    for one, share in ((of_known_data(other), 0.1), (other, 0.25)):
        answers = checklist(render_card(one, "a/b"), heading)
        assert len(answers) == items
        assert sum("*missing*" in answer for answer in answers) <= items * share


def test_the_bundled_networks_record_the_known_data() -> None:
    """Both, so that their cards say where these come from, and what is wrong with them."""
    for name in ("mobilenetv2", "resnet50"):
        checkpoint = read_checkpoint(ROOT / "checkpoints" / name)
        assert checkpoint.provenance["data"]["fingerprint"] == KNOWN_FINGERPRINT
        card = render_card(checkpoint, "a/b")
        assert {result.dataset_name for result in ModelCard(card).data.eval_results} == {KNOWN_NAME}
        assert f'- Origin: "{KNOWN_NAME}", a public set' in card
        assert "has copies of most test images among its training images" in card


def test_other_data_are_described_by_what_their_record_says(plain_checkpoint: Path) -> None:
    """Name, images, sources and split; nothing of the known data's origin, licence, leak or defects."""
    card = render_card(read_checkpoint(plain_checkpoint), "a/b", datasets=("a/rows",))
    (result,) = ModelCard(card).data.eval_results
    assert (result.dataset_name, result.dataset_type) == ("made up", "made-up")
    assert "- Set: made up; 3120 images from 430 sources;\n  fingerprint `0123abcd`." in card
    assert "- Split: grouped and leak-free." in card
    assert "The figures hold for images like those of this data set" in card
    strange = ("most test images", "rotated copies", "teaching pages", "from the web", "looks like skill", "None |",
               "pixel-distinct", "None declared", "declared; no protocol")  # fmt: skip
    for told in (KNOWN_NAME, "ODC-By", *strange):
        assert told not in card, told


def test_a_network_of_another_split_is_not_called_leak_free(plain_checkpoint: Path) -> None:
    """Where it was trained on the set's own, which nobody looked at."""
    checkpoint = read_checkpoint(plain_checkpoint)
    recipe = {**checkpoint.provenance["recipe"], "split": "official"}
    card = render_card(replace(checkpoint, provenance={**checkpoint.provenance, "recipe": recipe}), "a/b")
    assert "the set's own split, where sources may be in two parts." in card
    assert "grouped and leak-free" not in card


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"official_auroc": {"value": 0.75}}, "Measured both ways: on the official split"),
        ({"leak_free_auroc": {"value": 0.75}}, "Nothing was measured on a split of the set's own"),
        ({}, "Not measured for this checkpoint."),
    ],
)
def test_the_sets_own_split_is_told_as_far_as_it_was_measured(
    plain_checkpoint: Path, figures: dict[str, object], sentence: str
) -> None:
    """Both ways, leak-free alone, or not at all."""
    leak = {"X": figures} if figures else {}
    card = render_card(replace(read_checkpoint(plain_checkpoint), metrics={"leak": leak}), "a/b")
    assert sentence in card
    assert ("| X | 0.750 |" in card) == bool(figures)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Own data 1", "own-data-1"), ("Owner/wrists@v1", "owner/wrists"), ("Röntgen", "r-ntgen"), ("", "not-recorded")],
)
def test_the_index_names_the_data_of_the_figures(plain_checkpoint: Path, name: str, slug: str) -> None:
    """Those that the network was judged on, where these are not the data of its training."""
    checkpoint = of_known_data(read_checkpoint(plain_checkpoint))
    metrics = {**checkpoint.metrics, "data": {"name": name, "fingerprint": "4567cdef"}}
    (result,) = ModelCard(render_card(replace(checkpoint, metrics=metrics), "a/b")).data.eval_results
    assert (result.dataset_name, result.dataset_type) == (name or "not recorded", slug)


def test_a_partial_start_from_imagenet_is_named(plain_checkpoint: Path) -> None:
    """A backbone that ImageNet initialised in part is never called more than that."""
    card = render_card(read_checkpoint(plain_checkpoint), "a/b")
    assert card.count("ImageNet-initialised through conv4") == 2
    assert "ImageNet ResNet50" not in card


def test_the_loading_code_names_the_repository_and_its_tag(plain_checkpoint: Path) -> None:
    """What a reader copies pulls this version."""
    card = render_card(read_checkpoint(plain_checkpoint), "a/b", "v1")
    assert 'from_pretrained("a/b", revision="v1")' in card
    assert 'load_model("hf://a/b")' in card


def test_nested_metrics_are_found_with_their_group() -> None:
    """Groups are joined by a slash, and entries that are no figures are left out."""
    metrics = {
        "split": "test",
        "per_source": {"auroc": {"value": 0.5, "low": 0.25, "high": None}, "n": 3},
        "x": {"y": {"z": {"value": None}}},
    }
    assert [(row.group, row.key, row.value, row.interval) for row in measured(metrics)] == [
        ("per_source", "auroc", 0.5, ""), ("x/y", "z", None, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("auroc_in_img", "AUROC inside the archive img"),
        ("ppv_at_0.1", "PPV at 10 % prevalence"),
        ("calibration_in_the_large", "Mean probability minus share of fractured"),
        ("specificity_in_img", "Specificity inside the archive img"),
        ("leak_free_auroc_matched", "Leak-free split: AUROC within an archive"),
    ],
)
def test_metrics_are_named_to_be_read(key: str, name: str) -> None:
    """Keys of the evaluation become words, whatever archive or prevalence they are of."""
    assert metric_name(key) == name


def test_robustness_is_a_line_for_each_change(plain_checkpoint: Path) -> None:
    """One table with a column for each metric, and a gap where one was not measured."""
    changes = {"none": {"auroc": {"value": 0.5}}, "blur": {"auroc": {"value": 0.25}, "flipped": {"value": 0.125}}}
    card = render_card(replace(read_checkpoint(plain_checkpoint), metrics={"robustness": changes}), "a/b")
    assert "| none | 0.500 |  |\n| blur | 0.250 | 0.125 |" in card
    assert "with one thing changed: `none`" in card


def test_each_table_says_what_it_is_of(plain_checkpoint: Path) -> None:
    """The rule of the vote, the network's own test part beside the folds, and the sources that were perturbed."""
    checkpoint = read_checkpoint(plain_checkpoint)
    own = {"per_source": {"auroc": {"value": 0.5}}}
    more = {"set": "out_of_fold", "test": own, "robustness": {"none": {"auroc": {"value": 0.5}}}}
    card = render_card(
        replace(checkpoint, metrics={**checkpoint.metrics, **more, "robustness_on": "test (60 sources)"}), "a/b"
    )
    assert "*Test* is this very network on the test part, whose sources no training and no choice has seen." in card
    assert "count once, by its upright image where it has one" in card
    assert "with one thing changed, one image a source, test (60 sources): `none`" in card
    assert "*Test* is" not in render_card(checkpoint, "a/b")
