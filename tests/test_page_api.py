"""The endpoints, asked by Gradio's own client of a page that is really started."""

import asyncio
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from huggingface_hub import create_repo, upload_folder
from loopback_hub import LoopbackHub
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Tool
from numpy.typing import NDArray
from page_fixtures import ROOT, run_page
from PIL import Image

from bonexray import FractureClassifier, HubError
from bonexray.gate import REASONS
from page.models import card_url, load_models, origin


@pytest.fixture(scope="module")
def client(page: str) -> Client:
    """Return one client of the page."""
    return Client(page, verbose=False)


@pytest.fixture
def file(radiograph: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return the radiograph as a PNG file."""
    Image.fromarray(radiograph).save(tmp_path / "bone.png")
    return tmp_path / "bone.png"


def test_compare_answers_as_the_package_does(client: Client, file: Path) -> None:
    """Both networks' numbers come through the wire as `predict` gives them."""
    record, *maps = client.predict(handle_file(file), api_name="/compare")
    for answer in record["models"]:
        direct = FractureClassifier.from_pretrained(answer["source"]).predict(file)
        assert answer["probability"] == pytest.approx(direct.probability, abs=1e-9)
        assert (answer["threshold"], answer["fractured"]) == (direct.threshold, direct.fractured)
        assert answer["milliseconds"] > 0
    verdicts = [answer["fractured"] for answer in record["models"]]
    assert record["agreement"] == (verdicts[0] == verdicts[1])
    assert [answer["name"] for answer in record["models"]] == ["MobileNetV2", "ResNet50"]
    assert all(np.ptp(np.asarray(Image.open(path).convert("RGB")), axis=2).max() > 50 for path in maps)


def test_models_are_listed(client: Client) -> None:
    """`/models` names the networks, their threshold and where they are from."""
    models = client.predict(api_name="/models")
    assert [model["source"] for model in models] == ["checkpoints/mobilenetv2", "checkpoints/resnet50"]
    assert all(0 < model["threshold"] < 1 for model in models)


def test_a_file_that_is_no_image_is_refused_in_one_line(client: Client, tmp_path: Path) -> None:
    """The caller learns what was wrong with which file, and nothing of the server's folders."""
    (tmp_path / "notes.png").write_text("no image")
    with pytest.raises(Exception, match=r"^notes\.png is no image") as error:
        client.predict(handle_file(tmp_path / "notes.png"), api_name="/compare")
    assert "\n" not in str(error.value)


def test_many_are_compared_and_listed_as_csv(client: Client, file: Path, tmp_path: Path) -> None:
    """Files and ZIPs in one call; rows and CSV out."""
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(file, "zipped.png")
    (tmp_path / "empty.png").touch()
    paths = [handle_file(path) for path in (file, tmp_path / "all.zip", tmp_path / "empty.png")]
    rows, csv = client.predict(paths, api_name="/compare_many")
    assert {row["file"] for row in rows} == {"bone.png", "zipped.png", "empty.png"}
    assert [row["file"] for row in rows if not row["models"]] == ["empty.png"] and rows[-1]["note"]
    assert len(Path(csv).read_text("utf-8-sig").splitlines()) == 4


def test_only_what_is_documented_can_be_called(client: Client) -> None:
    """Three endpoints, each with the names, types and examples of what goes in and comes out."""
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert endpoints.keys() == {"/compare", "/compare_many", "/models"}
    said = {
        name: (
            [(one["parameter_name"], one["python_type"]["type"]) for one in endpoint["parameters"]],
            [(one["label"], one["python_type"]["type"]) for one in endpoint["returns"]],
        )
        for name, endpoint in endpoints.items()
    }
    json = "str | float | bool | list | dict"
    maps = [("first map", "filepath"), ("second map", "filepath")]
    assert said["/compare"] == ([("image", "filepath")], [("record", json), *maps])
    assert said["/compare_many"] == ([("images", "list[filepath]")], [("rows", json), ("csv", "filepath")])
    assert said["/models"][0] == []
    assert endpoints["/compare"]["parameters"][0]["example_input"]["path"] == "wrist.jpg"
    examples = endpoints["/compare_many"]["parameters"][0]["example_input"]
    assert [one["path"] for one in examples] == ["wrist.jpg", "hands.zip"]


def test_every_answer_tells_of_the_gate(client: Client, file: Path, tmp_path: Path) -> None:
    """Of a radiograph that the gates know, or of a coloured picture that they refuse; one by one, and of many."""
    colours = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    record, *_ = client.predict(handle_file(tmp_path / "colours.png"), api_name="/compare")
    assert record["in_domain"] is False
    for one in record["models"]:
        assert one["in_domain"] is False and one["domain_score"] > 1 and one["domain_reason"] in REASONS
    rows, _ = client.predict([handle_file(tmp_path / "colours.png"), handle_file(file)], api_name="/compare_many")
    refused = next(row for row in rows if row["file"] == "colours.png")
    assert refused["in_domain"] is False
    assert all({"in_domain", "domain_score", "domain_reason"} <= one.keys() for row in rows for one in row["models"])
    assert [one["domain_reason"] for one in refused["models"]] == [one["domain_reason"] for one in record["models"]]
    assert all(model["gate"] is True for model in client.predict(api_name="/models"))


def test_an_assistant_can_use_the_tools(page: str) -> None:
    """Over MCP: the tools say what they do, what they take and what their answer holds, and answer."""

    async def ask() -> tuple[dict[str, Tool], str]:
        address = f"{page}/gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            answer = await session.call_tool("list_models", {})
            return tools, str(answer.content)

    with ThreadPoolExecutor(1) as pool:  # a browser that was started before has a loop in this thread
        tools, answer = pool.submit(asyncio.run, ask()).result()
    said = {name: tool.description or "" for name, tool in tools.items()}
    assert said.keys() == {"compare", "compare_many", "list_models"}
    assert all("neural networks" in description for description in said.values())
    for name in ("compare", "compare_many"):
        assert all(word in said[name] for word in ("in_domain", "domain_score", "domain_reason", "No medical device"))
    assert "DICOM" in tools["compare"].inputSchema["properties"]["image"]["description"]
    assert "at most 200" in tools["compare_many"].inputSchema["properties"]["images"]["description"]
    assert "MobileNetV2" in answer and "threshold" in answer and "gate" in answer


def test_models_are_pulled_from_the_hub_at_their_revision(hub: LoopbackHub, tmp_path: Path) -> None:
    """What serves is the commit that was named, and the page says so."""
    commits = []
    for backbone in ("mobilenetv2", "resnet50"):
        create_repo(f"someone/{backbone}")
        commits.append(upload_folder(repo_id=f"someone/{backbone}", folder_path=ROOT / "checkpoints" / backbone).oid)
    names = f"someone/mobilenetv2@{commits[0]},someone/resnet50@{commits[1][:40]}"
    first, second = load_models(names)
    assert [first.revision, second.revision] == commits
    assert origin(first) == "someone/mobilenetv2" and commits[1] in (card_url(second) or "")
    with pytest.raises(HubError, match="nothing/here"):
        load_models("nothing/here@v1,someone/resnet50")


@pytest.mark.parametrize("models", ["one/name", "no such folder,owner/b", "checkpoints/resnet50,"])
def test_wrong_models_start_nothing(models: str) -> None:
    """A bad value is one line on stderr and exit status 2."""
    ended = run_page("--models", models)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_the_page_never_imports_tensorflow() -> None:
    """What a Space runs needs neither TensorFlow nor the training."""
    code = "import sys, app, page.layout; print([n for n in ('tensorflow', 'keras', 'training') if n in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "[]", ended.stderr
