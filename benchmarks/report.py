"""The benchmark as tables and a figure; nothing in them is typed by hand."""

from pathlib import Path
from typing import Any

from benchmarks.answer import ANSWER
from benchmarks.goals import OF_PEER, answers, between, render_goals
from benchmarks.peers import REFERENCE
from training.reporting.markdown import table

Found = dict[str, Any]


def render_summary(found: Found) -> str:
    """Write what a README shows: the headline, then what each part measured. Parts that did not run are left out."""
    parts = [
        _headline(found), render_goals(found), _answer(found), _peers(found), _start(found), _throughput(found),
        _visitors(found), _training(found), _setting(found),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def render_details(found: Found) -> str:
    """Write the whole report in Markdown."""
    parts = ["# Benchmark", render_summary(found), _stages(found), _scaling(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def draw(found: Found, target: Path) -> None:
    """Draw the medians of all peers for the pair of networks, with quartiles, and our whole answer."""
    from matplotlib.figure import Figure

    pair = sorted({**found["forward"]["pair"], **answers(found)}.items(), key=lambda item: -item[1]["ms"])
    names, rows = [name for name, _ in pair], [row for _, row in pair]
    middles = [row["ms"] for row in rows]
    errors = [
        [row["ms"] - row["ms_low"] for row in rows],
        [row["ms_high"] - row["ms"] for row in rows],
    ]
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    colours = ["#388bfd" if name.startswith("bonexray") else "#8b949e" for name in names]
    bars = axes.barh(names, middles, xerr=errors, color=colours, ecolor="#30363d", capsize=2)
    axes.bar_label(bars, [f"{row['ms']:.1f} ms" for row in rows], padding=6, fontsize=8)
    axes.axvline(found["forward"]["pair"][REFERENCE]["ms"], color="#30363d", linewidth=0.8, linestyle=":")
    axes.set_xlabel(
        "one image, both networks: median ms, with quartiles (to both maps: without TensorFlow in the process)"
    )
    axes.set_xmargin(0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=150)


def _headline(found: Found) -> str:
    shown = "; ".join(
        f"**{row['ms']:.1f} ms** on {name.removeprefix(f'{ANSWER}, ')} pixels, **{_ratio(row)}** of ONNX Runtime's "
        f"float32 forward pair, {'within' if row['ratio'] <= OF_PEER else 'not within'} the goal of {OF_PEER:g}"
        for name, row in answers(found).items()
    )
    return f"Both probabilities and both evidence maps, decode to answer, in the same rounds: {shown}." if shown else ""


def _answer(found: Found) -> str:
    rows = [[name, _ms(row), _ratio(row)] for name, row in found.get("answer", {}).items()]
    head = ["both networks in turn, as on the page: without TensorFlow in the process", "ms", "ratio"]
    return table(head, rows) if rows else ""


def _peers(found: Found) -> str:
    if "forward" not in found:
        return ""
    networks = [name for name in found["forward"] if name != "pair"]
    rows = []
    for name, row in found["forward"]["pair"].items():
        single = [found["forward"][network].get(name) for network in networks]
        shown = [_ms(one) if one else "" for one in single]
        rows.append([name, *shown, _ms(row), _ratio(row)])
    head = ["forward pass, one image", *(f"{name}, ms" for name in networks), "both, ms", "both, ratio"]
    return table(head, rows)


def _start(found: Found) -> str:
    if "start" not in found:
        return ""
    start, measured = found["start"], found["start"]["measured"]
    ours, theirs = measured["bonexray"], measured["TensorFlow"]
    return (
        f"Cold start, `python app.py` to the first answer: {ours['seconds']:.1f} s and {ours['mb']:.0f} MB at most, of "
        f"which importing gradio takes {measured['import gradio']['seconds']:.1f} s; the same page on TensorFlow: "
        f"{theirs['seconds']:.1f} s and {theirs['mb']:.0f} MB. `import bonexray` takes "
        f"{start['import_bonexray']['seconds']:.2f} s."
    )


def _throughput(found: Found) -> str:
    rows = [
        [name, f"{one['images']:,}", *(between(rate, "rate", 1) for rate in one["images_per_second"].values()),
         between(one, "ratio"), f"{one['mb_grown']:+.0f}"]
        for name, one in found.get("throughput", {}).items()
    ]  # fmt: skip
    head = ["`predict` of files", "images", "bonexray, images/s", f"{REFERENCE}, images/s", "times", "MB grown"]
    return table(head, rows) if rows else ""


def _visitors(found: Found) -> str:
    rows = [
        [count, str(one["requests"]), str(one["lost"]), f"{one['requests_per_second']:.1f}",
         *(f"{one[key]:.2f}" for key in ("p50", "p95", "p99")), _number(one["slowest_to_fastest_visitor"])]
        for count, one in found.get("visitors", {}).items()
    ]  # fmt: skip
    head = ["visitors at once", "requests", "lost", "requests/s", "p50, s", "p95, s", "p99, s", "slowest : fastest"]
    return table(head, rows) if rows else ""


def _training(found: Found) -> str:
    if "training" not in found:
        return ""
    one = found["training"]
    pipelines = "; ".join(
        f"{name} {row['ours']:.0f} images/s ({row['augmented']:.0f} augmented), `image_dataset_from_directory` "
        f"{row['keras']:.0f}"
        for name, row in one["pipelines"].items()
    )
    return (
        f"Frozen phase, {one['backbone']}, {one['images']} images: an epoch on kept features takes "
        f"{one['kept']['seconds']:.2f} s after a first pass of {one['first_pass_seconds']:.1f} s, a plain `fit` with a "
        f"frozen base {one['naive']['seconds']:.1f} s. Input pipelines: {pipelines}."
    )


def _stages(found: Found) -> str:
    if "stages" not in found:
        return ""
    stages = found["stages"]
    rows = [[name, _ms(row)] for name, row in stages["stages"].items()]
    rows += [[f"both networks {name}", _ms(row)] for name, row in found.get("arrangement", {}).items()]
    if "visitors" in found:
        rows.append(["the page's answer to a program, through Gradio", f"{1000 * found['visitors']['1']['p50']:.0f}"])
    return table([f"stage, {stages['image']} pixels", "ms"], rows)


def _scaling(found: Found) -> str:
    if "scaling" not in found:
        return ""
    one = found["scaling"]
    columns = list(one["size_growth"])
    rows = [[size, *(_ms(row[name]) for name in columns)] for size, row in one["size"].items()]
    rows.append(["grows with the size to the power", *(f"{one['size_growth'][name]:.2f}" for name in columns)])
    counts = [[count, _ms(row)] for count, row in one["images"].items()]
    counts.append(["grows with the number to the power", f"{one['images_growth']:.2f}"])
    models = [[count, _ms(row)] for count, row in one["models"].items()]
    tables = table(["size", *columns], rows), table(["images", "ms"], counts), table(["networks", "ms"], models)
    return "\n\n".join(("## Scaling", *tables))


def _setting(found: Found) -> str:
    machine, setting = found["machine"], found["setting"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"Medians of {setting['rounds']} interleaved rounds, quartiles in brackets, {setting['threads']} threads, seed "
        f"{setting['seed']}. {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, load "
        f"{machine['load']} before; Python {machine['python']}, {versions}. `make benchmark` measures it again."
    )


def _ms(row: dict[str, float]) -> str:
    return between(row, "ms", 1)


def _ratio(row: dict[str, float]) -> str:
    return between(row, "ratio")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
