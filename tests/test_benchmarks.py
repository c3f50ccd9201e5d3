"""The benchmark's own arithmetic, its load generator against a real page, and the report that is made of it."""

import json
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from core_fixtures import BACKBONES, ROOT, draw_bone
from PIL import Image

from benchmarks.__main__ import MARKERS, main
from benchmarks.answer import ANSWER, answer, time_answer
from benchmarks.goals import goals, render_goals
from benchmarks.keras_page import KerasNetwork
from benchmarks.machine import describe_machine
from benchmarks.page import ask, serve
from benchmarks.report import draw, render_details
from benchmarks.timing import WARM_UP, growth, interleave, summarise
from benchmarks.visitors import _visit
from bonexray import FractureClassifier
from bonexray.runtime import Network

ONNX = {"ms": 40.0, "ms_low": 39.0, "ms_high": 42.0, "ratio": 1, "ratio_low": 1, "ratio_high": 1}
ANSWERED = {
    "ONNX Runtime float32": ONNX,
    "bonexray": ONNX | {"ms": 9.1, "ratio": 0.23},
    "bonexray, decode to both maps, 300 x 320": {
        "ms": 15.0, "ms_low": 14.0, "ms_high": 16.0, "ratio": 0.375, "ratio_low": 0.36, "ratio_high": 0.39,
    },
}  # fmt: skip
PAIR = {"ONNX Runtime float32": ONNX | {"ms": 41.5}, "bonexray": {key: value / 4 for key, value in ONNX.items()}}


def test_every_job_runs_once_a_round_and_ratios_pair_rounds() -> None:
    """A job that sleeps twice as long has a ratio of about two, and the warm-up is not counted."""
    calls = {"a": 0, "b": 0}

    def job(name: str, seconds: float) -> None:
        calls[name] += 1
        time.sleep(seconds)

    times = interleave({"a": lambda: job("a", 0.01), "b": lambda: job("b", 0.02)}, rounds=5)
    assert calls == {"a": 5 + WARM_UP, "b": 5 + WARM_UP}
    assert [len(values) for values in times.values()] == [5, 5]
    assert summarise({"a": [10, 20, 40], "b": [30, 60, 120]}, "a")["b"] == {
        "ms": 60, "ms_low": 45, "ms_high": 90, "ratio": 3, "ratio_low": 3, "ratio_high": 3, "ratio_fastest": 3,
    }  # fmt: skip
    assert summarise({"a": [20, 10], "b": [12, 99]}, "a")["b"]["ratio_fastest"] == 1.2


def test_growth_is_the_power() -> None:
    """Cost = 3 n^1.5."""
    sizes = np.array([1.0, 10, 100])
    assert growth(sizes, 3 * sizes**1.5) == pytest.approx(1.5)


def test_the_report_says_what_was_found(tmp_path: Path) -> None:
    """The headline, its goal and the machine; parts that did not run leave nothing."""
    found = {
        "machine": describe_machine(),
        "setting": {"rounds": 9, "threads": 2, "seed": 0},
        "answer": ANSWERED,
        "forward": {"resnet50": PAIR, "pair": PAIR},
    }
    text = render_details(found)
    assert "**15.0 ms** on 300 x 320 pixels, **0.38 (0.36 to 0.39)** of ONNX Runtime's" in text
    assert "pair, within the goal of 0.4." in text
    assert "| bonexray | 9.1 (39.0 to 42.0) | 0.23 (1.00 to 1.00) |" in text
    assert "| ONNX Runtime float32 | 40.0 (39.0 to 42.0) | 1.00 (1.00 to 1.00) |" in text
    assert "| ONNX Runtime float32 | 41.5 (39.0 to 42.0) | 41.5 (39.0 to 42.0) | 1.00 (1.00 to 1.00) |" in text
    assert "9 interleaved rounds" in text
    assert "visitors" not in text
    assert "| 0.38 (0.36 to 0.39) | at most 0.4 | yes |" in text and text.count("at most") == 1
    draw(found, tmp_path / "figure.png")
    assert Image.open(tmp_path / "figure.png").size[0] > 800
    peers = {name: one for name, one in found.items() if name != "answer"}
    assert "decode to answer" not in render_details(peers) and "41.5" in render_details(peers)
    draw(peers, tmp_path / "figure.png")


def test_every_goal_says_whether_it_was_met() -> None:
    """At most or at least, by the median; a part that did not run has none."""
    assert goals({}) == [] and render_goals({}) == ""
    ratio = {"ratio": 0.5, "ratio_low": 0.4, "ratio_high": 1.6}
    found = {
        "start": {
            "beyond_gradio": {**ratio, "ratio": 0.25}, "memory": {**ratio, "ratio": 0.51},
            "import_bonexray": {"seconds": 0.2, "seconds_low": 0.1, "seconds_high": 0.4},
        },
        "throughput": {"resnet50": {"images": 1000, **ratio, "ratio": 1.5, "mb_grown": 40.0}},
        "visitors": {"1": {"lost": 5}, "60": {"lost": 0}},
        "training": {
            "backbone": "resnet50", "epochs": {"ratio": 90.0, "ratio_low": 80.0, "ratio_high": 99.0},
            "pipelines": {"mobilenetv2": {**ratio, "ratio": 1.0}, "resnet50": ratio},
        },
    }  # fmt: skip
    assert [goal.met for goal in goals(found)] == [True, False, True, True, False, True, True, True, False]
    text = render_goals(found)
    assert "| peak memory, of the same page on TensorFlow | 0.51 (0.40 to 1.60) | at most 0.5 | no |" in text
    assert "| `import bonexray`, s | 0.20 (0.10 to 0.40) | at most 0.3 | yes |" in text
    assert "| 90 (80 to 99) | at least 20 | yes |" in text and "| +40 | at most 20 | no |" in text


def test_an_answer_is_both_networks_with_their_maps(tmp_path: Path) -> None:
    """What the headline times: one decoding, a map as large as the image for each network."""
    path = tmp_path / "bone.png"
    Image.fromarray(draw_bone(200, 150, seed=1)).save(path)
    clfs = [FractureClassifier.from_pretrained(ROOT / "checkpoints" / name) for name in BACKBONES]
    assert [one.evidence.shape for one in answer(path, clfs)] == [(200, 150)] * 2


def test_the_answer_is_timed_beside_its_own_forward_passes_and_onnx(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At two sizes; each forward pass is of both networks."""
    ran: list[Path] = []
    monkeypatch.setattr("benchmarks.answer.converted", lambda folder, _scratch: folder)
    monkeypatch.setattr("benchmarks.answer.run_onnx", lambda kept, _threads: lambda _pixels: ran.append(kept))
    folders = [ROOT / "checkpoints" / name for name in BACKBONES]
    found = time_answer(folders, ROOT / "examples" / "arm-intact.jpg", tmp_path, threads=1, rounds=2)
    assert list(found)[:2] == ["ONNX Runtime float32", "bonexray"] and len(found) == 4
    assert sum(name.startswith(ANSWER) for name in found) == 2
    assert ran == folders * (2 + WARM_UP)
    assert all(row["ms"] > 0 for row in found.values())


def test_the_page_on_keras_asks_its_networks_the_same() -> None:
    """What the classifier may ask of a network, the network by Keras answers."""
    assert {name for name in vars(Network) if not name.startswith("_")} <= set(vars(KerasNetwork))


def test_a_page_that_ends_says_why() -> None:
    """What it wrote last, in the error."""
    with serve(["-c", "raise SystemExit('no such luck')"]) as ended, pytest.raises(RuntimeError, match="no such luck"):
        ended.wait()


def test_the_readme_has_a_place_for_it() -> None:
    """Both markers, once each."""
    readme = (ROOT / "README.md").read_text()
    assert [readme.count(marker) for marker in MARKERS] == [1, 1]


@pytest.mark.parametrize(("flags", "message"), [
    (("trainng",), "part 'trainng': expected one of start, visitors, answer"),
    (("stages", "--rounds", "0"), "rounds=0: expected 1..100000"),
    (("stages", "--threads", "0"), "threads=0: expected 1..1024"),
    (("start", "--starts", "-1"), "starts=-1: expected 1..1000"),
    (("training", "--images", "1"), "images=1: expected 2..10000000"),
    (("training", "--backbone", "nosuch"), "backbone='nosuch': expected one of mobilenetv2, resnet50"),
    (("stages", "--pictures", "nowhere"), "nowhere holds no .jpg: expected a folder of radiographs"),
])  # fmt: skip
def test_a_flag_that_makes_no_benchmark_is_named(
    flags: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with status 2, before anything is measured or written."""
    readme, output = tmp_path / "README.md", tmp_path / "report"
    readme.write_text(f"{MARKERS[0]}\nfigures\n{MARKERS[1]}\n")
    assert main([*flags, "--output", str(output), "--readme", str(readme)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"benchmarks: {message}") and said.count("\n") == 1
    assert "figures" in readme.read_text()
    assert not output.exists()


def measure_stages(output: Path, *flags: str) -> int:
    """Time the stages, in one round unless told otherwise."""
    return main(["stages", "--rounds", "1", "--output", str(output), *flags])


def change(kept: Path, **values: object) -> None:
    """Change what a kept run says of its machine or setting, and give it one more part."""
    found = json.loads(kept.read_text())
    for name, value in values.items():
        found[next(of for of in ("machine", "setting") if name in found[of])][name] = value
    kept.write_text(json.dumps(found | {"scaling": {"size_growth": {}}}))


def test_parts_are_joined_only_where_one_line_tells_of_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not with other rounds, nor from another machine; a part that is measured again takes nothing over."""
    kept = tmp_path / "benchmark.json"
    assert measure_stages(tmp_path) == 0
    change(kept, processor="abacus", rounds=7, load=1e4)
    before = kept.read_text()
    assert measure_stages(tmp_path, "--add") == 2
    told = capsys.readouterr().err
    assert f"--add would join scaling of {kept}, measured with processor 'abacus', now " in told
    assert told.endswith("; rounds 7, now 1: expected the same\n") and "load" not in told
    assert kept.read_text() == before
    assert main(["scaling", "--rounds", "1", "--output", str(tmp_path), "--add"]) == 2
    assert "would join stages of" in capsys.readouterr().err


def test_parts_of_one_setting_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier ones stay as they are, and of the loads the report tells the higher one."""
    assert measure_stages(tmp_path) == 0
    change(tmp_path / "benchmark.json", load=1e4)
    monkeypatch.setattr("benchmarks.__main__._write", lambda *_: None)
    assert measure_stages(tmp_path, "--add") == 0
    found = json.loads((tmp_path / "benchmark.json").read_text())
    assert found["scaling"] == {"size_growth": {}}
    assert found["machine"]["load"] == 1e4
    assert measure_stages(tmp_path) == 0
    assert "scaling" not in json.loads((tmp_path / "benchmark.json").read_text())


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_nothing_is_added_to_what_is_no_run(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged file is named, and stays."""
    (tmp_path / "benchmark.json").write_text(content)
    assert measure_stages(tmp_path, "--add") == 2
    assert "benchmark.json" in capsys.readouterr().err
    assert (tmp_path / "benchmark.json").read_text() == content


def test_visitors_of_a_real_page_are_all_served(page: str, tmp_path: Path) -> None:
    """Three at once, two requests each: six records, none lost."""
    path = tmp_path / "bone.png"
    Image.fromarray(draw_bone(200, 150, seed=1)).save(path)
    with httpx.Client(timeout=60) as client:
        assert [one["name"] for one in ask(client, page, path)["models"]] == ["MobileNetV2", "ResNet50"]
    found = _visit(page, [path], visitors=3, each=2)
    assert (found["requests"], found["lost"]) == (6, 0)
    assert 0 < found["p50"] <= found["p99"]
    (tmp_path / "no.png").write_bytes(b"no image")
    assert _visit(page, [tmp_path / "no.png"], visitors=1, each=1)["lost"] == 1
