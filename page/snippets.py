"""Code to copy: how a program uses the models, or asks this page."""

from page.models import Models, origin

USAGE = """from bonexray import FractureClassifier  # pip install git+https://…

classifier = FractureClassifier.from_pretrained("{source}"{revision})
prediction = classifier.predict("wrist.jpg")
prediction.probability, prediction.fractured, prediction.evidence"""

PYTHON = """from gradio_client import Client, handle_file  # pip install gradio_client

page = Client("ADDRESS")
record, first_map, second_map = page.predict(image=handle_file("wrist.jpg"), api_name="/compare")
rows, csv = page.predict(images=[handle_file("wrists.zip")], api_name="/compare_many")
models = page.predict(api_name="/models")"""

CURL = r"""URL=ADDRESS/gradio_api
FILE=$(curl -s -F files=@wrist.jpg $URL/upload | cut -d'"' -f2)
ID=$(curl -s -H 'Content-Type: application/json' $URL/call/compare \
  -d "{\"data\": [{\"path\": \"$FILE\", \"meta\": {\"_type\": \"gradio.FileData\"}}]}" | cut -d'"' -f4)
curl -sN $URL/call/compare/$ID"""

MCP = "ADDRESS/gradio_api/mcp/"
LOCAL = "http://127.0.0.1:7860"


def usage(models: Models) -> str:
    """Return Python that loads the second network as it is served here."""
    revision = f', revision="{models[1].revision}"' if models[1].revision else ""
    return USAGE.format(source=origin(models[1]), revision=revision)


def requests(address: str) -> list[str]:
    """Return how this page is asked at its own address: in Python, by curl, and as an MCP server."""
    return [code.replace("ADDRESS", address) for code in (PYTHON, CURL, MCP)]
